import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, readlink } from 'node:fs/promises';
import type { FileIdentity } from '@boxlite/core';

/**
 * Links a file, and makes sure that it was the one that was checked. Where another user or the guest of another box writes, a directory on the way can
 * become a symbolic link after the path was resolved: then any file of this user would be linked in its place.
 * @param from canonical
 * @param checked what the file was then
 * @returns false when another file came in between; `to` is then to be removed
 */
export async function linkFile(from: string, to: string, checked: FileIdentity): Promise<boolean> {
  // Not blocking: what is there now may be a pipe.
  const file = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await liesAt(file, from))) return false;
    await link(from, to);
    const [opened, linked] = await Promise.all([file.stat({ bigint: true }), lstat(to, { bigint: true })]);
    return (
      opened.isFile() &&
      opened.dev === linked.dev &&
      opened.ino === linked.ino &&
      String(opened.dev) === checked.device &&
      String(opened.ino) === checked.inode
    );
  } finally {
    await file.close();
  }
}

/** Only Linux can tell; elsewhere no VMM shares files yet. */
async function liesAt({ fd }: FileHandle, path: string): Promise<boolean> {
  return process.platform !== 'linux' || (await readlink(`/proc/self/fd/${fd}`)) === path;
}
