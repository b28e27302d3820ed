import { setTimeout as delay } from 'node:timers/promises';
import { BoxliteError } from '@boxlite/core';
import { isBusy } from './database-error.js';

/** First and longest pause between tries, milliseconds. Each pause is a random part of its bound, so that rivals do not march in step. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/** How long and with what a busy database is retried. */
export interface RetryOptions {
  /** Milliseconds from the first try to the last. */
  readonly boundMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Monotonic milliseconds; replaced in tests. */
  readonly now?: () => number;
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Runs a synchronous piece of database work again while it fails with "busy", letting the event loop go on in between.
 * @throws what `run` threw last, or BoxliteError `aborted`
 */
export async function retryBusy<T>(run: () => T, options: RetryOptions): Promise<T> {
  const now = options.now ?? (() => performance.now());
  const deadline = now() + options.boundMs;
  for (let attempt = 0; ; attempt += 1) {
    throwIfAborted(options.signal);
    try {
      return run();
    } catch (thrown) {
      if (!isBusy(thrown) || now() >= deadline) throw thrown;
    }
    await pause(attempt, options);
  }
}

/** Waits before the next of several tries: exponential up to a bound, with jitter. @throws BoxliteError `aborted` */
export async function pause(
  attempt: number,
  options: Pick<RetryOptions, 'signal' | 'random' | 'sleep'>,
): Promise<void> {
  const bound = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 16));
  const random = options.random ?? Math.random;
  const sleep = options.sleep ?? ((ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }));
  try {
    await sleep(bound * (0.5 + random() / 2), options.signal);
  } catch (thrown) {
    throwIfAborted(options.signal);
    throw thrown;
  }
}

/** @throws BoxliteError `aborted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new BoxliteError('aborted', 'waiting for the database was aborted', { cause: signal.reason });
}
