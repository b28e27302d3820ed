import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import type { GuestRootfsStrategy } from './guest-rootfs.js';

const execute = promisify(execFile);

/** The directories of an overlay. */
export type OverlayDirectories = Omit<Extract<GuestRootfsStrategy, { kind: 'overlay-mount' }>, 'kind'>;

/** What separates directories and options in the options of an overlay (Documentation/filesystems/overlayfs.rst). */
const SEPARATORS = /[:,\\\n]/;
/** The root of the merged tree has the mode of the upper directory: everybody in the guest may look into it. */
const ROOT_MODE = 0o755;

/**
 * Mounts an overlay, which needs root, unless it is mounted already. Upper, work and merged directory are made when missing. The kernel lets only one
 * overlay have an upper directory (`index=on`): of processes that mount the same one at once one does, and the others find it mounted.
 * @throws BoxliteError `not_found` for a lower directory that does not exist, `invalid_argument` for a path an overlay cannot have, `permission_denied`
 *   for an ordinary user, `storage_error`
 */
export async function mountOverlay(path: string, { lower, upper, work }: OverlayDirectories): Promise<void> {
  await checkDirectories({ lower, upper, work });
  if (await isMountPoint(path)) return;
  try {
    for (const directory of [upper, work, path]) await mkdir(directory, { recursive: true, mode: ROOT_MODE });
    await chmod(upper, ROOT_MODE);
    const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},index=on`;
    await execute('mount', ['-t', 'overlay', '-o', options, '--', 'overlay', path]);
  } catch (thrown) {
    if (await isMountPoint(path)) return;
    throw cannotMount(path, thrown);
  }
}

/** True when something is mounted at a path: it is on another file system than its parent. False when there is nothing at it. */
export async function isMountPoint(path: string): Promise<boolean> {
  try {
    const [own, parent] = await Promise.all([lstat(path, { bigint: true }), lstat(dirname(path), { bigint: true })]);
    return own.dev !== parent.dev;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `looking whether something is mounted at ${path}`);
  }
}

async function checkDirectories({ lower, upper, work }: OverlayDirectories): Promise<void> {
  const named: [field: string, path: string][] = lower.map((path, index) => [`strategy.lower.${index}`, path]);
  if (named.length === 0) throw refused('strategy.lower', 'an overlay needs a lower directory');
  for (const [field, path] of [...named, ['strategy.upper', upper], ['strategy.work', work]] as const) {
    if (SEPARATORS.test(path)) throw refused(field, `an overlay cannot have the directory ${JSON.stringify(path)}`);
  }
  for (const [field, path] of named) await requireDirectory(field, path);
}

async function requireDirectory(field: string, path: string): Promise<void> {
  try {
    if ((await lstat(path)).isDirectory()) return;
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw toBoxliteError(thrown, 'storage_error', `looking at the layer ${path}`);
  }
  throw new BoxliteError('not_found', `the layer ${path} of an overlay is no directory`, {
    hint: 'extract the layers first',
    details: { field, path },
  });
}

function refused(field: string, reason: string): BoxliteError {
  return new BoxliteError('invalid_argument', reason, {
    hint: 'name directories without ":", ",", "\\" and line breaks',
    details: { field },
  });
}

function cannotMount(path: string, thrown: unknown): BoxliteError {
  const isOrdinaryUser = (process.geteuid?.() ?? 0) !== 0;
  const reason = thrown instanceof Error ? thrown.message.trim() : String(thrown);
  return new BoxliteError(
    isOrdinaryUser ? 'permission_denied' : 'storage_error',
    `cannot mount the overlay ${path}: ${reason}`,
    {
      hint: isOrdinaryUser
        ? 'only root may mount; the disk strategy needs no privileges'
        : 'see the kernel log (dmesg) for what the kernel does not like',
      cause: thrown,
      details: { field: 'path', path },
    },
  );
}
