import { BoxliteError } from '@boxlite/core';

/** The BoxliteError a promise rejects with; everything else fails the test. */
export async function failure(promise: Promise<unknown>): Promise<BoxliteError> {
  try {
    await promise;
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('should have failed');
}
