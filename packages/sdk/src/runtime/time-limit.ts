import { BoxliteError } from '@boxlite/core';

/** What a timer of Node can hold: 2³¹ − 1 ms, 24.8 days; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Waits for a promise no longer than it may take. What was waited for goes on; a rejection it has later is not left unhandled.
 * @param milliseconds until `timeout`
 * @param signal ends the waiting with `aborted`
 * @param what was waited for, the start of that error's message
 */
export async function withinTime<T>(
  promise: Promise<T>,
  milliseconds: number,
  signal?: AbortSignal,
  what = 'waiting',
): Promise<T | 'timeout'> {
  let forget = (): void => undefined;
  const limit = new Promise<'timeout'>((resolve, reject) => {
    const timer = setTimeout(() => resolve('timeout'), Math.min(milliseconds, LONGEST_TIMER_MS));
    const abort = () => reject(new BoxliteError('aborted', `${what} was aborted`, { cause: signal?.reason }));
    forget = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    forget();
  }
}
