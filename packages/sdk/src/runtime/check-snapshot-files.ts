import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError, type VmmSnapshot } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';

/** Group and others. */
const OTHERS = 0o077;

/**
 * Makes sure that what a machine goes on from was written by BoxLite: files of the home, of its owner and for nobody else. Their content is the
 * VMM's to judge; what is shown of them later is this very file (`CollectedPaths.memory`).
 * @throws BoxliteError `snapshot_invalid` naming the file, so that the caller may boot instead; `storage_error` when one cannot be examined
 */
export async function checkSnapshotFiles(
  layout: Pick<HomeLayout, 'home'>,
  boxId: string,
  { memory, state }: VmmSnapshot,
): Promise<void> {
  const home = await realpath(layout.home);
  const { uid: owner } = await stat(home);
  for (const path of [memory, state]) {
    const problem = await problemOf(path, home, owner);
    if (problem === undefined) continue;
    throw new BoxliteError('snapshot_invalid', `box ${boxId} cannot go on from ${path}: ${problem}`, {
      hint: 'make the snapshot again; BoxLite keeps its own below its home, private to its owner',
      details: { boxId, path },
    });
  }
}

async function problemOf(path: string, home: string, owner: number): Promise<string | undefined> {
  try {
    const place = join(await realpath(dirname(path)), basename(path));
    if (!place.startsWith(`${home}/`)) return 'it lies outside the home';
    const found = await lstat(path);
    if (!found.isFile()) return 'it is no regular file';
    if (found.uid !== owner) return `it belongs to user ${found.uid}`;
    return (found.mode & OTHERS) === 0 ? undefined : 'others may read or change it';
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(thrown) ?? '')) return 'it does not exist';
    throw toBoxliteError(thrown, 'storage_error', `cannot examine ${path}`);
  }
}
