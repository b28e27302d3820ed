import { isAbsolute } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** @throws BoxliteError `invalid_argument` for the first of the paths that is not absolute; its name is the `details.field` */
export function refuseRelativePaths(paths: Readonly<Record<string, string | undefined>>): void {
  for (const [field, path] of Object.entries(paths)) {
    if (path === undefined || isAbsolute(path)) continue;
    throw new BoxliteError('invalid_argument', `${field} ${JSON.stringify(path)} is not an absolute path`, {
      hint: 'give an absolute path',
      details: { field },
    });
  }
}
