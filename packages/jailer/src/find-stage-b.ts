import { BoxliteError, toBoxliteError } from '@boxlite/core';
import { defaultStageBPath } from './stage-b.js';

/** Where stage B lies, or why it was not found. */
export interface StageBLocation {
  readonly path: string;
  /** What `prepare` refuses with. */
  readonly failure?: BoxliteError;
}

/** A command made without `prepare` must not start unconfined, so that it names a file that is on no machine. */
const NOWHERE = '/boxlite-stage-b-was-not-found';

/** @param path the caller's own helper; absent: the one of the platform */
export function findStageB(path: string | undefined): StageBLocation {
  if (path !== undefined) return { path };
  try {
    return { path: defaultStageBPath() };
  } catch (thrown) {
    const cause = toBoxliteError(thrown, 'internal', 'looking for the stage B helper');
    const { message, hint, details } = cause;
    const failure = new BoxliteError('sandbox_unavailable', `the jail lacks its stage B helper: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
      details: { ...details, field: 'stageB' },
    });
    return { path: NOWHERE, failure };
  }
}
