import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BoxliteError, errnoOf } from '@boxlite/core';
import { type PinnedLibkrun, packageDirectories } from './pinned-libkrun.js';
import { libraryNames } from './system-library-directories.js';

/** Environment variable that names a libkrun by absolute path. */
export const LIBKRUN_VARIABLE = 'BOXLITE_LIBKRUN';

/** One file that may be a libkrun. */
export interface LibkrunCandidate {
  readonly path: string;
  /** For people: `option libraryPath`, `BOXLITE_LIBKRUN`, `system libkrun.so.1`, `npm name@version`. */
  readonly origin: string;
  /** What the file must be, when it comes from npm. */
  readonly pin?: PinnedLibkrun & { readonly packageDirectory: string };
}

/** A place where there is nothing to try. */
export interface EmptyPlace {
  readonly place: string;
  readonly problem: string;
}

/** Where to look, everything resolved. */
export interface LibkrunPlaces {
  readonly libraryPath: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly libraryDirectories: readonly string[];
  readonly resolveFrom: readonly string[];
  readonly pinned: PinnedLibkrun | undefined;
  readonly platform: string;
}

/**
 * The file the user chose, if one was: then no other is looked at.
 * @throws BoxliteError `invalid_argument` or `config_error` for a relative path, which would depend on the working directory
 */
export function chosenLibkrun(places: LibkrunPlaces): LibkrunCandidate | undefined {
  const { libraryPath } = places;
  if (libraryPath !== undefined) {
    requireAbsolute(libraryPath, 'invalid_argument', 'libraryPath');
    return { path: libraryPath, origin: 'option libraryPath' };
  }
  const named = places.environment[LIBKRUN_VARIABLE];
  if (named === undefined || named === '') return undefined;
  requireAbsolute(named, 'config_error', LIBKRUN_VARIABLE);
  return { path: named, origin: LIBKRUN_VARIABLE };
}

/** What is found without a choice: the system's libraries, then the npm package. */
export async function foundLibkruns(
  places: LibkrunPlaces,
): Promise<{ readonly candidates: readonly LibkrunCandidate[]; readonly empty: readonly EmptyPlace[] }> {
  const candidates: LibkrunCandidate[] = [];
  const empty: EmptyPlace[] = [{ place: `environment variable ${LIBKRUN_VARIABLE}`, problem: 'not set' }];
  for (const directory of places.libraryDirectories) {
    const names = libraryNames(await namesIn(directory), places.platform);
    if (names.length === 0) empty.push({ place: directory, problem: 'no libkrun' });
    candidates.push(...names.map((name) => ({ path: join(directory, name), origin: `system ${name}` })));
  }
  const { pinned } = places;
  if (pinned === undefined) {
    empty.push({ place: 'npm', problem: 'there is no package for this platform' });
    return { candidates, empty };
  }
  const origin = `npm ${pinned.packageName}@${pinned.packageVersion}`;
  const directories = packageDirectories(pinned.packageName, places.resolveFrom);
  if (directories.length === 0) empty.push({ place: origin, problem: 'not installed' });
  for (const packageDirectory of directories) {
    candidates.push({ path: join(packageDirectory, pinned.file), origin, pin: { ...pinned, packageDirectory } });
  }
  return { candidates, empty };
}

function requireAbsolute(path: string, code: 'invalid_argument' | 'config_error', field: string): void {
  if (isAbsolute(path)) return;
  throw new BoxliteError(code, `${field} ${JSON.stringify(path)} is not an absolute path`, {
    hint: 'give an absolute path',
    details: { field },
  });
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    // Missing or closed to us: it holds nothing for us, and the place is listed as empty.
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  }
}
