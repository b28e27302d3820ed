import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../lib/packages.mjs';

/** libkrun as vmm-libkrun finds it first in this repository: $BOXLITE_LIBKRUN, else the npm package that it pins. */
export function findLibkrun() {
  const chosen = process.env.BOXLITE_LIBKRUN;
  if (chosen !== undefined && chosen !== '') return chosen;
  const scope = packageFile('vmm-libkrun/node_modules/@earendil-works');
  const directory = existsSync(scope) ? join(scope, readdirSync(scope)[0] ?? '', 'lib') : scope;
  const library = join(directory, 'libkrun.so.1');
  if (!existsSync(library)) throw new Error(`there is no libkrun at ${library}; say where it is with BOXLITE_LIBKRUN`);
  return library;
}
