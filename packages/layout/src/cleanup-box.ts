import { readFile, realpath } from 'node:fs/promises';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import type { BoxLayout } from './box-layout.js';
import { removeSocketLinks } from './ensure-socket-links.js';
import { mountPointsBelow } from './mount-points-below.js';
import { removeTree } from './remove-tree.js';

/** Removes a box's directory and its short links (see `BoxLayout.cleanup`). */
export async function cleanupBox(box: BoxLayout): Promise<void> {
  await refuseMounts(box);
  await removeTree(box.dir);
  await removeSocketLinks(box);
}

/** Removing through a mount would delete what is mounted: a user's volume. */
async function refuseMounts(box: BoxLayout): Promise<void> {
  let mounts: readonly string[];
  try {
    mounts = mountPointsBelow(await readFile('/proc/self/mountinfo', 'utf8'), await realpath(box.dir));
  } catch (thrown) {
    // No directory, nothing mounted in it; no mountinfo (macOS), no bind mounts either.
    if (errnoOf(thrown) === 'ENOENT') return;
    throw toBoxliteError(thrown, 'storage_error', `cannot look for mounts below ${box.dir}`);
  }
  if (mounts.length === 0) return;
  throw new BoxliteError('invalid_state', `box ${box.id} cannot be removed: mounted below it: ${mounts.join(', ')}`, {
    hint: `unmount first: umount ${mounts[mounts.length - 1]}`,
    details: { mounts },
  });
}
