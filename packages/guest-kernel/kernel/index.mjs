import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  cachedEntry,
  installEntry,
  kernelCacheDirectory,
  latestEntry,
  makeStaging,
  setLatest,
} from './build/cache.mjs';
import { compileKernel } from './build/compile.mjs';
import { buildInputs } from './build/inputs.mjs';
import { missingPackages } from './build/obstacles.mjs';
import { TARGETS } from './build/target.mjs';

export { missingPackages, TARGETS };

/** The target of this machine, or undefined where there is none. */
export function hostTarget() {
  return Object.keys(TARGETS).find((target) => TARGETS[target].nodeArch === process.arch);
}

/**
 * The kernel that was asked for last on this machine: needs neither compiler nor source.
 * @returns {{ directory: string, manifest: object } | undefined}
 */
export function cachedKernel(target, environment = process.env) {
  return latestEntry(kernelCacheDirectory(environment), target);
}

/** Debian packages a build needs are not installed. */
export class MissingPackagesError extends Error {
  constructor(packages) {
    super(`building the guest kernel needs Debian packages that are not installed: ${packages.join(', ')}`);
    this.name = 'MissingPackagesError';
    this.packages = packages;
  }
}

/**
 * The kernel of this checkout's configuration: from the cache of the user, or built into it (minutes).
 * Nothing half-built stays, whatever ends the call; several calls at once are fine.
 * @param {string} target
 * @param {{ report?: (words: string) => void, signal?: AbortSignal, environment?: NodeJS.ProcessEnv, jobs?: number }} [options]
 * @returns {Promise<{ directory: string, manifest: object, wasCached: boolean }>}
 * @throws MissingPackagesError; the signal's reason; Error with the words of the program that failed
 */
export async function buildKernel(target, { report, signal, environment = process.env, jobs } = {}) {
  const missing = missingPackages(target);
  if (missing.length > 0) throw new MissingPackagesError(missing);
  const cache = kernelCacheDirectory(environment);
  const from = await buildInputs(target, signal);
  const known = cachedEntry(cache, from.key);
  const entry = known ?? (await buildInto(cache, target, from, { report, signal, jobs }));
  setLatest(cache, target, from.key);
  return { ...entry, wasCached: known !== undefined };
}

async function buildInto(cache, target, from, options) {
  const staging = makeStaging(cache, from.key);
  try {
    const [workshop, out] = ['source', 'out'].map((name) => join(staging, name));
    for (const directory of [workshop, out]) mkdirSync(directory, { mode: 0o700 });
    await compileKernel(target, from, { ...options, workshop, out });
    return installEntry(cache, from.key, out);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
