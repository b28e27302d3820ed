import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '@boxlite/core';
import { isTransient } from './registry-errors.js';

/** As BoxLite has it. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;

/**
 * Calls `attempt` up to three times, with growing pauses, while it fails in a way that may mend.
 * @param what for the `aborted` error
 */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Result> {
  for (let count = 1; ; count += 1) {
    throwIfAborted(signal, what);
    try {
      return await attempt();
    } catch (thrown) {
      throwIfAborted(signal, what);
      if (!isTransient(thrown) || count === ATTEMPTS) throw thrown;
    }
    try {
      await delay(FIRST_PAUSE_MS * 2 ** (count - 1), undefined, signal === undefined ? {} : { signal });
    } catch (thrown) {
      throwIfAborted(signal, what);
      throw thrown;
    }
  }
}
