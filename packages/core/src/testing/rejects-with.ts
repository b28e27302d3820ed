import assert from 'node:assert/strict';
import { BoxliteError } from '../errors/boxlite-error.js';
import type { ErrorCode } from '../errors/error-code.js';

/**
 * Asserts that a promise rejects with a BoxliteError.
 * @param field what `details.field` must name, if given
 * @returns the error, for further checks
 */
export async function rejectsWith(promise: Promise<unknown>, code: ErrorCode, field?: string): Promise<BoxliteError> {
  try {
    await promise;
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    assert.equal(thrown.code, code, thrown.message);
    if (field !== undefined) assert.equal(thrown.details.field, field);
    return thrown;
  }
  assert.fail(`expected a BoxliteError with the code ${code}`);
}
