import { BoxliteError } from '@boxlite/core';

interface Task<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * Runs one task a key at a time for any number of callers. A caller that aborts stops waiting; the task itself is only aborted when its last
 * caller has gone, and that caller's promise settles after the task has cleaned up.
 */
export class SharedTasks<T> {
  readonly #tasks = new Map<string, Task<T>>();

  /** @throws what the task throws; BoxliteError `aborted` */
  async run(key: string, start: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    throwIfAborted(key, signal);
    const task = this.#tasks.get(key) ?? this.#begin(key, start);
    task.waiters++;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        if (--task.waiters > 0) {
          reject(aborted(key, signal));
          return;
        }
        // Callers from now on start afresh instead of joining a task that is ending.
        if (this.#tasks.get(key) === task) this.#tasks.delete(key);
        task.controller.abort(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const forget = () => signal?.removeEventListener('abort', onAbort);
      task.result.then(resolve, reject).finally(forget);
    });
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<T>): Task<T> {
    const controller = new AbortController();
    const task: Task<T> = {
      controller,
      waiters: 0,
      result: start(controller.signal).finally(() => {
        if (this.#tasks.get(key) === task) this.#tasks.delete(key);
      }),
    };
    this.#tasks.set(key, task);
    return task;
  }
}

function throwIfAborted(key: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(key, signal);
}

function aborted(key: string, signal: AbortSignal | undefined): BoxliteError {
  return new BoxliteError('aborted', `building ${key}: aborted`, { cause: signal?.reason });
}
