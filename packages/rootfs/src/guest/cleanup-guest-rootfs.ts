import { execFile } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { removeTree } from '@boxlite/layout';
import type { GuestRootfs } from './guest-rootfs.js';

const execute = promisify(execFile);

/** Unmounts what is mounted at a path; rejects when it cannot. */
export type Unmount = (path: string) => Promise<void>;

/**
 * Removes what building a rootfs made. Direct and disk: nothing, they belong to the caller and to the cache. Extracted and
 * overlay: the parent of `path`, with merged, upper, work and patch directories in it; an overlay is unmounted first.
 * @param unmount default: the `umount` program
 * @throws BoxliteError `storage_error` when unmounting fails (then nothing has been removed) or removing does
 */
export async function cleanupGuestRootfs(rootfs: GuestRootfs, unmount: Unmount = runUmount): Promise<void> {
  const { kind } = rootfs.strategy;
  if (kind === 'direct' || kind === 'disk') return;
  const parent = dirname(rootfs.path);
  if (!isAbsolute(rootfs.path) || parent === '/' || rootfs.path === '/') {
    throw new BoxliteError('invalid_argument', `refusing to remove the parent of ${rootfs.path}`, {
      hint: `a rootfs of kind ${kind} lies in a directory of its own`,
      details: { field: 'path' },
    });
  }
  if (kind === 'overlay-mount' && (await exists(rootfs.path))) await unmountOrThrow(rootfs.path, unmount);
  await removeTree(parent);
}

async function unmountOrThrow(path: string, unmount: Unmount): Promise<void> {
  try {
    await unmount(path);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.trim() : String(thrown);
    throw new BoxliteError('storage_error', `cannot unmount the guest rootfs ${path}: ${reason}`, {
      hint: 'stop what uses it and try again; nothing has been removed',
      cause: thrown,
      details: { field: 'path', path },
    });
  }
}

async function runUmount(path: string): Promise<void> {
  await execute('umount', ['--', path]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `looking at the guest rootfs ${path}`);
  }
}
