import { readlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import { KERNEL_TARGETS, type KernelArchitecture } from './kernel-manifest.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a cached kernel's directory may be called. */
const CACHED_NAME = /^[0-9a-zA-Z][0-9a-zA-Z._-]{0,127}$/;

/** The kernel that was built last on this machine. */
export interface CachedBuild {
  /** The link that names it, whether there is one or not. */
  readonly link: string;
  /** Absent: nothing was built, `problem` says how we know. */
  readonly directory?: string;
  readonly problem: string;
}

/**
 * The user's cache of built kernels, where `npm run build:kernel` puts them: `$XDG_CACHE_HOME`, else `~/.cache`, and in it `boxlite/kernel`.
 * @returns undefined where the environment names neither
 */
export function kernelCacheDirectory({ XDG_CACHE_HOME: cache, HOME: home }: Environment): string | undefined {
  // A relative one is to be ignored (XDG Base Directory Specification).
  if (cache !== undefined && isAbsolute(cache)) return join(cache, 'boxlite', 'kernel');
  return home !== undefined && isAbsolute(home) ? join(home, '.cache', 'boxlite', 'kernel') : undefined;
}

/** What the link of an architecture in the cache names. */
export async function lastBuild(cacheDirectory: string, architecture: KernelArchitecture): Promise<CachedBuild> {
  const link = join(cacheDirectory, `latest-${KERNEL_TARGETS[architecture].architecture}`);
  try {
    const name = await readlink(link);
    if (!CACHED_NAME.test(name)) return { link, problem: 'leads out of the cache' };
    return { link, directory: join(cacheDirectory, name), problem: '' };
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    return { link, problem: errno === 'ENOENT' ? 'no kernel was built' : `cannot be read (${errno})` };
  }
}
