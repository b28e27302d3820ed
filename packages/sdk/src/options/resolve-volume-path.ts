import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** As the kernel follows (MAXSYMLINKS, include/linux/namei.h). */
const MAX_LINKS = 40;

/** A path without links, or the link on the way that was not followed. */
export type ResolvedVolumePath =
  | { readonly path: string; readonly plantable?: undefined }
  | { readonly plantable: string; readonly within: string };

/**
 * Resolves a path, as `realpath` does, but follows no symbolic link that lies where the guest of a box may write: it could have planted it there, and
 * the path would lead wherever that guest likes.
 * @param path absolute
 * @param guestWritable canonical directories
 * @throws the errno of a path that does not exist (`ENOENT`) or cannot be resolved (`ELOOP`, `EACCES`)
 */
export async function resolveVolumePath(path: string, guestWritable: readonly string[]): Promise<ResolvedVolumePath> {
  let current = '/';
  let left = namesOf(resolve(path));
  for (let links = 0; left.length > 0; ) {
    const [name = '', ...rest] = left;
    const next = name === '..' ? dirname(current) : join(current, name);
    if (!(await lstat(next)).isSymbolicLink()) {
      current = next;
      left = rest;
      continue;
    }
    const within = guestWritable.find((directory) => isWithin(directory, current));
    if (within !== undefined) return { plantable: next, within };
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error(`ELOOP: too many symbolic links, ${path}`), { code: 'ELOOP' });
    const target = await readlink(next);
    if (target.startsWith('/')) current = '/';
    left = [...namesOf(target), ...rest];
  }
  return { path: current };
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
