import { BoxliteError } from '@boxlite/core';

interface Attempt<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  waiters: number;
}

/**
 * One attempt at a time at something several callers want, such as a start. A caller that aborts stops waiting; the attempt itself is
 * only aborted when nobody waits for it any more, and its last caller hears of it after it has cleaned up.
 */
export class SharedAttempt<T> {
  #current: Attempt<T> | undefined;

  /**
   * Joins the attempt that is going on, or begins one.
   * @param begin is given the signal of the attempt, not that of this caller
   * @throws what the attempt throws; BoxliteError `aborted`
   */
  async join(begin: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    // One that is being undone is nothing to wait for, except to begin afresh.
    while (this.#current?.controller.signal.aborted === true) await Promise.allSettled([this.#current.result]);
    if (signal?.aborted === true) throw aborted(signal);
    const attempt = this.#current ?? this.#begin(begin);
    return this.#follow(attempt, signal);
  }

  /** Aborts what is going on, for everybody, and waits until it is undone. */
  async abort(reason: unknown): Promise<void> {
    const attempt = this.#current;
    if (attempt === undefined) return;
    attempt.controller.abort(reason);
    await Promise.allSettled([attempt.result]);
  }

  #begin(begin: (signal: AbortSignal) => Promise<T>): Attempt<T> {
    const controller = new AbortController();
    const attempt: Attempt<T> = {
      controller,
      waiters: 0,
      result: begin(controller.signal).finally(() => {
        this.#current = undefined;
      }),
    };
    this.#current = attempt;
    return attempt;
  }

  #follow(attempt: Attempt<T>, signal: AbortSignal | undefined): Promise<T> {
    attempt.waiters += 1;
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => {
        attempt.waiters -= 1;
        if (attempt.waiters > 0) reject(aborted(signal));
        else attempt.controller.abort(signal?.reason);
      };
      const forget = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      attempt.result.then(
        (value) => {
          forget();
          resolve(value);
        },
        (thrown: unknown) => {
          forget();
          reject(thrown);
        },
      );
    });
  }
}

function aborted(signal: AbortSignal | undefined): BoxliteError {
  return new BoxliteError('aborted', 'waiting for the start of the box was aborted', { cause: signal?.reason });
}
