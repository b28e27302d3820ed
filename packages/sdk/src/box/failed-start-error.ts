import { BoxliteError, toBoxliteError } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';

/**
 * The original error, with where the box's files are and how to remove it (spec section 4, cleanup guard).
 * @param removesItself true for a box whose files are gone before a person could act on that
 */
export function failedStartError(thrown: unknown, box: BoxLayout, removesItself: boolean): BoxliteError {
  const error = toBoxliteError(thrown, 'internal', `box ${box.id} could not be started`);
  if (removesItself) return error;
  const where = `its files are kept in ${box.dir}; remove it with \`boxlite rm ${box.id}\``;
  return new BoxliteError(error.code, error.message, {
    hint: error.hint === undefined ? where : `${error.hint}; ${where}`,
    cause: error,
    details: { ...error.details, boxId: box.id, directory: box.dir },
  });
}
