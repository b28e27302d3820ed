import type { KrunAddon } from '../krun-addon.js';
import type { LibkrunFeature, LibkrunLibrary } from './libkrun-library.js';
import type { LibkrunProblem } from './libkrun-problem.js';
import { LIBKRUN_SYMBOLS } from './libkrun-symbols.js';
import { leastVersionWith, versionFromFileName } from './libkrun-version.js';

/** Numbers of `krun_has_feature` (libkrun.h, `KRUN_FEATURE_*`). */
const FEATURE_NUMBERS: Readonly<Record<LibkrunFeature, number>> = { net: 0, blk: 1, gpu: 2, input: 4, tee: 6 };
/** Functions that exist only in a library built with the feature. Those of the others have stand-ins that always fail. */
const PROOFS: Partial<Readonly<Record<LibkrunFeature, string>>> = {
  net: 'krun_add_net_unixstream',
  blk: 'krun_add_disk2',
};

/** What a library says of itself. */
export type InspectedLibkrun = LibkrunLibrary & {
  /** The least version that has all its functions, such as `1.17.3`: known also where the version is not. */
  readonly minimumVersion: string;
};

/**
 * Loads a library and asks it.
 * @param path absolute, links resolved, checked: its code runs in this process
 * @param knownVersion the version when the file is known by its contents
 */
export function inspectLibkrun(
  addon: KrunAddon,
  path: string,
  knownVersion?: string,
): InspectedLibkrun | LibkrunProblem {
  const names = Object.keys(FEATURE_NUMBERS) as LibkrunFeature[];
  let inspection: ReturnType<KrunAddon['inspect']>;
  try {
    inspection = addon.inspect(path, LIBKRUN_SYMBOLS, Object.values(FEATURE_NUMBERS));
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown;
    return loaderProblem(thrown.message);
  }
  const symbols = new Set(inspection.symbols);
  const minimumVersion = leastVersionWith(symbols);
  if (!symbols.has('krun_create_ctx') || minimumVersion === undefined) {
    return { problem: 'is a library but not libkrun: it has no function krun_create_ctx' };
  }
  const { features, maxVcpus } = inspection;
  const told = new Map(names.map((name, index) => [name, features?.[index]]));
  return {
    path,
    version: knownVersion ?? versionFromFileName(path, minimumVersion),
    minimumVersion,
    symbols,
    hasFeature: (name) => hasFeature(told.get(name), PROOFS[name], symbols),
    maxVcpus: maxVcpus !== null && maxVcpus > 0 ? maxVcpus : undefined,
  };
}

function hasFeature(told: number | undefined, proof: string | undefined, symbols: ReadonlySet<string>) {
  // A negative answer is "unknown number": the feature came, or went, with another release.
  if (told !== undefined && told >= 0) return told === 1;
  return proof === undefined ? undefined : symbols.has(proof);
}

function loaderProblem(said: string): LibkrunProblem {
  const missing = /^(\S+): cannot open shared object file: No such file/.exec(said)?.[1];
  if (missing === undefined) return { problem: `cannot be loaded: ${said}` };
  const packages = missing.startsWith('libcap-ng.so')
    ? 'install libcap-ng (Debian, Ubuntu: apt install libcap-ng0; Fedora: dnf install libcap-ng)'
    : `install the package that holds ${missing}`;
  return { problem: `cannot be loaded: it needs ${missing}, which is not there`, remedy: packages };
}
