import type { ImageProgress } from '@boxlite/core';
import { abortedError, throwIfAborted } from './abort.js';

/** What one caller brings to a task it shares. */
export interface TaskCaller {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/** What the work itself gets. */
export interface TaskContext {
  /** Fires when every caller has given up. */
  readonly signal: AbortSignal;
  /** Tells every caller. */
  readonly tell: (progress: ImageProgress) => void;
}

interface Task<Result> {
  readonly controller: AbortController;
  readonly waiters: Set<(progress: ImageProgress) => void>;
  readonly result: Promise<Result>;
}

/**
 * Callers that want the same thing at the same time share one piece of work. A caller that aborts leaves at once; the last one to leave
 * aborts the work and waits until it has cleaned up.
 */
export class SharedTasks<Result> {
  private readonly tasks = new Map<string, Task<Result>>();

  /**
   * @param key what is wanted
   * @param what the same in words, for the `aborted` error
   * @param start begins the work when nobody is at it
   * @throws BoxliteError `aborted`; whatever the work throws
   */
  async run(
    key: string,
    what: string,
    caller: TaskCaller,
    start: (context: TaskContext) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(caller.signal, what);
    const running = this.tasks.get(key);
    const task = running === undefined || running.controller.signal.aborted ? this.begin(key, start) : running;
    return this.join(task, what, caller);
  }

  private begin(key: string, start: (context: TaskContext) => Promise<Result>): Task<Result> {
    const controller = new AbortController();
    const waiters = new Set<(progress: ImageProgress) => void>();
    const tell = (progress: ImageProgress) => {
      for (const waiter of [...waiters]) waiter(progress);
    };
    // A turn later, so that the caller that begins the work hears its first progress.
    const result = Promise.resolve().then(() => start({ signal: controller.signal, tell }));
    const task: Task<Result> = { controller, waiters, result };
    this.tasks.set(key, task);
    const forget = () => {
      if (this.tasks.get(key) === task) this.tasks.delete(key);
    };
    result.then(forget, forget);
    return task;
  }

  private join(task: Task<Result>, what: string, { signal, onProgress }: TaskCaller): Promise<Result> {
    return new Promise((resolve, reject) => {
      let left = false;
      const leave = () => {
        left = true;
        signal?.removeEventListener('abort', onAbort);
        task.waiters.delete(waiter);
      };
      const giveUp = (reason: unknown) => {
        if (left) return;
        leave();
        const settle = () => reject(reason);
        if (task.waiters.size > 0) return settle();
        task.controller.abort(reason);
        task.result.then(settle, settle);
      };
      const onAbort = () => {
        if (signal !== undefined) giveUp(abortedError(signal, what));
      };
      // One caller's faulty callback must not end the work of the others.
      const waiter = (progress: ImageProgress) => {
        try {
          onProgress?.(progress);
        } catch (thrown) {
          giveUp(thrown);
        }
      };
      task.waiters.add(waiter);
      signal?.addEventListener('abort', onAbort);
      task.result.then(
        (value) => {
          if (left) return;
          leave();
          resolve(value);
        },
        (reason: unknown) => {
          // Who gave up hears of that, not of what the aborted work threw.
          if (left) return;
          leave();
          reject(reason);
        },
      );
    });
  }
}
