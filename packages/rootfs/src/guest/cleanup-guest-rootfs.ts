import { execFile } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { removeTree } from '@boxlite/layout';
import type { GuestRootfs } from './guest-rootfs.js';
import { isMountPoint } from './overlay-mount.js';

const execute = promisify(execFile);

/** How cleaning up unmounts; replaced in tests. */
export interface Unmounting {
  /** Unmounts what is mounted at a path; rejects when it cannot. */
  readonly unmount: (path: string) => Promise<void>;
  readonly isMounted: (path: string) => Promise<boolean>;
}

/**
 * Removes what building a rootfs made. Direct and disk: nothing, they belong to the caller and to the cache. Extracted and
 * overlay: the parent of `path`, with merged, upper, work and patch directories in it; an overlay is unmounted first, where it is still mounted (the
 * host may have been restarted, or another process is at it). What is gone already is fine.
 * @param unmounting default: the `umount` program
 * @throws BoxliteError `storage_error` when unmounting fails (then nothing has been removed) or removing does
 */
export async function cleanupGuestRootfs(rootfs: GuestRootfs, unmounting: Unmounting = UMOUNT): Promise<void> {
  const { kind } = rootfs.strategy;
  if (kind === 'direct' || kind === 'disk') return;
  const parent = dirname(rootfs.path);
  if (!isAbsolute(rootfs.path) || parent === '/' || rootfs.path === '/') {
    throw new BoxliteError('invalid_argument', `refusing to remove the parent of ${rootfs.path}`, {
      hint: `a rootfs of kind ${kind} lies in a directory of its own`,
      details: { field: 'path' },
    });
  }
  if (kind === 'overlay-mount' && (await exists(rootfs.path))) await unmountOrThrow(rootfs.path, unmounting);
  await removeTree(parent);
}

/** @throws BoxliteError `storage_error` when it stays mounted */
export async function unmountOrThrow(path: string, { unmount, isMounted }: Unmounting = UMOUNT): Promise<void> {
  try {
    // What was mounted there twice is unmounted twice: removing must not go through a mount.
    do await unmount(path);
    while (await isMounted(path));
  } catch (thrown) {
    if (!(await isMounted(path))) return;
    const reason = thrown instanceof Error ? thrown.message.trim() : String(thrown);
    throw new BoxliteError('storage_error', `cannot unmount the guest rootfs ${path}: ${reason}`, {
      hint: 'stop what uses it and try again; nothing has been removed',
      cause: thrown,
      details: { field: 'path', path },
    });
  }
}

const UMOUNT: Unmounting = {
  unmount: async (path) => void (await execute('umount', ['--', path])),
  isMounted: isMountPoint,
};

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `looking at the guest rootfs ${path}`);
  }
}
