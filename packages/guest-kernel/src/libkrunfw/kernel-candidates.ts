import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import { PINNED_LIBKRUNFW, resolvePinnedPackage } from './pinned-package.js';

/** Environment variable that names a libkrunfw.so.5 by absolute path. */
export const LIBKRUNFW_VARIABLE = 'BOXLITE_LIBKRUNFW';

/** Where distributions put libkrunfw (Fedora: lib64; Debian's multiarch; source builds: local). */
export const SYSTEM_LIBRARY_DIRECTORIES = [
  '/usr/lib64',
  '/usr/lib',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/local/lib64',
  '/usr/local/lib',
  '/usr/local/lib/x86_64-linux-gnu',
] as const;

/** One place a kernel may come from. */
export interface KernelCandidate {
  readonly path: string;
  readonly kind: 'libkrunfw' | 'vmlinux';
  /** For people. */
  readonly origin: string;
  /** Chosen by the user: a failure is reported at once, no other place is tried. */
  readonly chosen: boolean;
  /** Hex sha256 the file must have. */
  readonly sha256?: string;
  /** `package.json` beside it must carry this version. */
  readonly manifest?: { readonly path: string; readonly version: string };
}

/** What to look at. */
export interface CandidateQuery {
  readonly kernelPath?: string | undefined;
  readonly libraryPath?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly libraryDirectories: readonly string[];
  readonly resolveFrom: readonly string[];
}

/** The candidates in the order of trial, and the places where nothing is. */
export interface CandidateList {
  readonly candidates: readonly KernelCandidate[];
  /** `place: why`, for the error message. */
  readonly misses: readonly string[];
}

/** Lists where a kernel may be: the caller's choice alone if there is one, else the system's libraries, else the pinned npm package. */
export async function listKernelCandidates(query: CandidateQuery): Promise<CandidateList> {
  const chosen = chosenCandidate(query);
  if (chosen !== undefined) return { candidates: [chosen], misses: [] };
  const candidates: KernelCandidate[] = [];
  const misses: string[] = [`${LIBKRUNFW_VARIABLE}: not set`];
  for (const directory of query.libraryDirectories) {
    const name = await libraryIn(directory);
    if (name === undefined) misses.push(`${directory}: no libkrunfw.so.5`);
    else candidates.push({ path: join(directory, name), kind: 'libkrunfw', origin: `system ${name}`, chosen: false });
  }
  const packages = resolvePinnedPackage(query.resolveFrom);
  const { packageName, version, file, sha256 } = PINNED_LIBKRUNFW;
  if (packages.length === 0) misses.push(`npm package ${packageName} ${version}: not installed`);
  for (const directory of packages) {
    candidates.push({
      path: join(directory, file),
      kind: 'libkrunfw',
      origin: `npm ${packageName}@${version}`,
      chosen: false,
      sha256,
      manifest: { path: join(directory, 'package.json'), version },
    });
  }
  return { candidates, misses };
}

function chosenCandidate({ kernelPath, libraryPath, environment }: CandidateQuery): KernelCandidate | undefined {
  if (kernelPath !== undefined) {
    return { path: kernelPath, kind: 'vmlinux', origin: 'option kernelPath', chosen: true };
  }
  if (libraryPath !== undefined) {
    return { path: libraryPath, kind: 'libkrunfw', origin: 'option libraryPath', chosen: true };
  }
  const fromEnvironment = environment[LIBKRUNFW_VARIABLE];
  if (fromEnvironment === undefined || fromEnvironment === '') return undefined;
  return { path: fromEnvironment, kind: 'libkrunfw', origin: LIBKRUNFW_VARIABLE, chosen: true };
}

/** The name without a minor version first (it is the distribution's choice), else the newest. */
async function libraryIn(directory: string): Promise<string | undefined> {
  const names = await readdir(directory).catch((thrown: unknown) => {
    // A directory that is missing or closed to us holds nothing for us; the miss is reported by the caller.
    if (errnoOf(thrown) !== undefined) return [];
    throw thrown;
  });
  return names
    .filter((name) => /^libkrunfw\.so\.5(\.\d{1,6}){0,3}$/.test(name))
    .sort((a, b) =>
      a === 'libkrunfw.so.5' ? -1 : b === 'libkrunfw.so.5' ? 1 : b.localeCompare(a, 'en', { numeric: true }),
    )[0];
}
