import { setTimeout as delay } from 'node:timers/promises';
import { BoxliteError, throwIfAborted } from '@boxlite/core';
import { isTransient, retryAfterOf } from './registry-errors.js';

/** As BoxLite has it. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;
/** A server that wants a longer pause than a person waits for is not waited for at all. */
const MAX_RETRY_AFTER_MS = 30_000;

export interface RetryOptions {
  /** What is done, for the `aborted` error. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Default 3. */
  readonly attempts?: number | undefined;
  /** Called before each pause, with words for a person. */
  readonly onRetry?: ((message: string) => void) | undefined;
}

/**
 * Calls `attempt` up to three times, with growing pauses, while it fails in a way that may mend.
 * @throws BoxliteError `aborted`; what the last attempt throws
 */
export async function withRetries<Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { what, signal, attempts = ATTEMPTS, onRetry } = options;
  for (let count = 1; ; count += 1) {
    throwIfAborted(signal, what);
    try {
      return await attempt();
    } catch (thrown) {
      throwIfAborted(signal, what);
      const pauseMs = count < attempts && isTransient(thrown) ? retryPauseMs(count, retryAfterOf(thrown)) : undefined;
      if (pauseMs === undefined) throw thrown;
      const why = BoxliteError.isInstance(thrown) ? thrown.message : 'it failed';
      onRetry?.(`${why}; trying again in ${pauseMs / 1000} s, attempt ${count + 1} of ${attempts}`);
      await pause(pauseMs, what, signal);
    }
  }
}

/**
 * How long to wait after a failure.
 * @param failures how many there were, from 1
 * @param retryAfterMs what the server asked for
 * @returns undefined when the server asks for more than anybody waits
 */
export function retryPauseMs(failures: number, retryAfterMs: number | undefined): number | undefined {
  if (retryAfterMs !== undefined && retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  return Math.max(FIRST_PAUSE_MS * 2 ** (failures - 1), retryAfterMs ?? 0);
}

async function pause(ms: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    throwIfAborted(signal, what);
    throw thrown;
  }
}
