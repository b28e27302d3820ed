import { BoxliteError } from './boxlite-error.js';
import type { ErrorCode } from './error-code.js';

/**
 * Wraps whatever was thrown; a BoxliteError passes through unchanged.
 * Of a failure whose cleaning up failed, too (`SuppressedError` of `using`), it is the failure that counts.
 * `ENOSPC`/`EDQUOT` become `disk_full` and an abort becomes `aborted`, whatever code was asked for.
 * @param thrown the caught value
 * @param code the code for anything that is not recognised
 * @param what what was being done, used as the start of the message
 */
export function toBoxliteError(thrown: unknown, code: ErrorCode, what: string): BoxliteError {
  if (BoxliteError.isInstance(thrown)) return thrown;
  if (thrown instanceof Error && thrown.name === 'SuppressedError' && 'suppressed' in thrown) {
    return toBoxliteError(thrown.suppressed, code, what);
  }
  const errno = errnoOf(thrown);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new BoxliteError('disk_full', `${what}: no space left on the device`, {
      hint: 'free space on the file system of the BoxLite home, or set BOXLITE_HOME to another one',
      cause: thrown,
    });
  }
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new BoxliteError('aborted', `${what}: aborted`, { cause: thrown });
  }
  return new BoxliteError(code, `${what}: ${reason}`, { cause: thrown });
}

/** The `code` of a Node.js system error (`ENOENT`, …), else undefined. */
export function errnoOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
