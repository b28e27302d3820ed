import { BoxliteError } from '@boxlite/core';

/** The error of something that must fail, which must be a typed one with advice; who aborts needs none. */
export async function failureOf(action: Promise<unknown>): Promise<BoxliteError> {
  const thrown = await action.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!BoxliteError.isInstance(thrown)) throw new Error('it did not fail as it should', { cause: thrown });
  if (thrown.code !== 'aborted' && !/\S/.test(thrown.hint ?? '')) throw new Error(`no hint: ${thrown.message}`);
  return thrown;
}
