import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  openSync,
  unlinkSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '@boxlite/core';
import { cloneFailure } from './disk-errors.js';

/** Where and under what names files are written before they get their own. */
export interface Staging {
  /** Default: the directory of the file. */
  readonly directory: string | undefined;
  readonly name: () => string;
}

const syncFile = promisify(fsync);

/**
 * Makes a file appear under its name that shares the blocks of an open one: cloned under a staging name, made durable, then linked (unlike
 * a rename, a link never replaces a file), then the directory is fsynced. Killed at any point, it leaves at most the staging file.
 * @param source the open file
 * @param sourceName its path, for messages
 * @param virtualSize bytes, at least those of the source: the rest is a hole
 * @throws BoxliteError `unsupported` (the file system has no clones), `already_exists`, `not_found` (no such directory), `disk_full`,
 * `storage_error`
 */
export async function cloneDisk(
  source: number,
  sourceName: string,
  path: string,
  virtualSize: number,
  staging: Staging,
): Promise<void> {
  const staged = join(staging.directory ?? dirname(path), staging.name());
  const created = new Set<string>();
  const descriptors: number[] = [];
  const openToClose = (name: string, flags: number): number => {
    const fd = openSync(name, flags);
    descriptors.push(fd);
    return fd;
  };
  try {
    // By its descriptor: whatever has the name now, this is the file that was examined.
    const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
    await copyFile(`/proc/self/fd/${source}`, staged, flags);
    created.add(staged);
    const fd = openToClose(staged, constants.O_RDWR | constants.O_NOFOLLOW);
    fchmodSync(fd, 0o600);
    if (fstatSync(fd).size !== virtualSize) ftruncateSync(fd, virtualSize);
    const directory = openToClose(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    await syncFile(fd);
    linkSync(staged, path);
    created.add(path);
    unlinkSync(staged);
    created.delete(staged);
    await syncFile(directory);
  } catch (thrown) {
    for (const name of created) removeQuietly(name);
    throw cloneFailure(path, sourceName, thrown);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/** Removes what a failed clone made. Its own failures must not hide the failure that matters. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    // Gone already, or the file system fails altogether: the caller throws why the clone failed.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}
