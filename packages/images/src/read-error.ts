import { type BoxliteError, type ErrorCode, errnoOf, toBoxliteError } from '@boxlite/core';

/**
 * What a failed reading becomes: the disk's failures are `storage_error`, all others say something about what was read.
 * @param code for the latter
 * @param what what was being read, the start of the message
 */
export function readError(thrown: unknown, code: ErrorCode, what: string): BoxliteError {
  // EIO and its like; those of zlib begin with Z_, those of Node.js with ERR_.
  const isSystemError = /^E[A-Z0-9]+$/.test(errnoOf(thrown) ?? '');
  return toBoxliteError(thrown, isSystemError ? 'storage_error' : code, what);
}
