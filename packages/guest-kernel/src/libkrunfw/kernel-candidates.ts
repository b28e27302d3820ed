import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import type { CandidateList, KernelCandidate } from '../kernel-candidate.js';
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

/** What to look at. */
export interface CandidateQuery {
  readonly kernelPath?: string | undefined;
  readonly libraryPath?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly libraryDirectories: readonly string[];
  readonly resolveFrom: readonly string[];
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
  const { packageName, version, file, sha256, maxVcpus } = PINNED_LIBKRUNFW;
  if (packages.length === 0) misses.push(`npm package ${packageName} ${version}: not installed`);
  for (const directory of packages) {
    candidates.push({
      path: join(directory, file),
      kind: 'libkrunfw',
      origin: `npm ${packageName}@${version}`,
      chosen: false,
      sha256,
      maxVcpus,
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
