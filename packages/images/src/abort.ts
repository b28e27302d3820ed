import { BoxliteError } from '@boxlite/core';

/**
 * @param what what was being done, the start of the message
 * @throws BoxliteError `aborted` when the signal has fired
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw abortedError(signal, what);
}

export function abortedError(signal: AbortSignal, what: string): BoxliteError {
  return new BoxliteError('aborted', `${what}: aborted`, { cause: signal.reason });
}
