import { BoxliteError } from './boxlite-error.js';

/**
 * @param what what was being done, the start of the message
 * @throws BoxliteError `aborted` when the signal has fired
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortedError(signal, what);
}

/** @param what what was being done, the start of the message */
export function abortedError(signal: AbortSignal, what: string): BoxliteError {
  return new BoxliteError('aborted', `${what}: aborted`, { cause: signal.reason });
}
