import { abortedError, throwIfAborted } from '../errors/aborted-error.js';

/** What one caller brings to a task it shares. */
export interface TaskCaller<Progress> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What the work itself gets. */
export interface TaskContext<Progress> {
  /** Fires when every caller has given up. */
  readonly signal: AbortSignal;
  /** Tells every caller. */
  readonly tell: (progress: Progress) => void;
}

interface Task<Result, Progress> {
  readonly controller: AbortController;
  readonly waiters: Set<(progress: Progress) => void>;
  readonly result: Promise<Result>;
}

/**
 * Callers that want the same thing at the same time share one piece of work. A caller that aborts leaves at once; the last one to leave
 * aborts the work and waits until it has cleaned up.
 */
export class SharedTasks<Result, Progress = never> {
  readonly #tasks = new Map<string, Task<Result, Progress>>();

  /**
   * @param key what is wanted
   * @param what the same in words, for the `aborted` error
   * @param start begins the work when nobody is at it
   * @throws BoxliteError `aborted`; whatever the work throws
   */
  async run(
    key: string,
    what: string,
    caller: TaskCaller<Progress>,
    start: (context: TaskContext<Progress>) => Promise<Result>,
  ): Promise<Result> {
    throwIfAborted(caller.signal, what);
    const running = this.#tasks.get(key);
    const task = running === undefined || running.controller.signal.aborted ? this.#begin(key, start) : running;
    return this.#join(task, what, caller);
  }

  #begin(key: string, start: (context: TaskContext<Progress>) => Promise<Result>): Task<Result, Progress> {
    const controller = new AbortController();
    const waiters = new Set<(progress: Progress) => void>();
    const tell = (progress: Progress) => {
      for (const waiter of [...waiters]) waiter(progress);
    };
    // A turn later, so that the caller that begins the work hears its first progress.
    const result = Promise.resolve().then(() => start({ signal: controller.signal, tell }));
    const task: Task<Result, Progress> = { controller, waiters, result };
    this.#tasks.set(key, task);
    const forget = () => {
      if (this.#tasks.get(key) === task) this.#tasks.delete(key);
    };
    result.then(forget, forget);
    return task;
  }

  #join(task: Task<Result, Progress>, what: string, { signal, onProgress }: TaskCaller<Progress>): Promise<Result> {
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
      const waiter = (progress: Progress) => {
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
