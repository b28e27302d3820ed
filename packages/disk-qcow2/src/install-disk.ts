import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fsync, linkSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, errnoOf, randomBase62, toBoxliteError } from '@boxlite/core';
import { quoted } from './disk-errors.js';

/** Where and under what names files are written before they get their own. */
export interface Staging {
  /** Default: the directory of the file. */
  readonly directory: string | undefined;
  readonly name: () => string;
}

/** Of no use to a sweep, which cannot tell whether the process still lives. */
export const defaultStagingName = (): string => `.qcow2-${process.pid}-${randomBase62(12, randomBytes)}.staged`;

const syncFile = promisify(fsync);

/** How a file gets its name. */
export interface InstallOptions {
  readonly staging: Staging;
  /** Takes the place of the file that has the name, at one blow. Default: there must be none. */
  readonly replace?: boolean;
}

/**
 * Makes a file appear under its name whole and durable, or not at all: written and fsynced under a staging name, then linked
 * (unlike a rename, a link never replaces a file), then the directory is fsynced. Killed at any point, it leaves at most the
 * staging file.
 *
 * Only the two fsyncs leave this thread. The rest changes a few pages and names in the kernel's memory; with a disk so busy that
 * its journal makes even those wait, this process waits too.
 * @param path absolute
 * @param options.staging on the same file system as `path`
 * @param write fills the empty file, mode 0600 whatever the umask
 * @throws BoxliteError `already_exists`, `not_found` (no such directory), `disk_full`, `storage_error`, or what `write` throws
 */
export async function installDisk(
  path: string,
  { staging, replace = false }: InstallOptions,
  write: (fd: number) => Promise<void>,
): Promise<void> {
  const stagingDirectory = staging.directory ?? dirname(path);
  const staged = join(stagingDirectory, staging.name());
  const descriptors: number[] = [];
  const created = new Set<string>();
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(staged, flags, 0o600);
    descriptors.push(fd);
    created.add(staged);
    fchmodSync(fd, 0o600);
    await write(fd);
    const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    descriptors.push(directory);
    await syncFile(fd);
    if (replace) {
      renameSync(staged, path);
    } else {
      linkSync(staged, path);
      created.add(path);
      unlinkSync(staged);
    }
    created.delete(staged);
    await syncFile(directory);
  } catch (thrown) {
    for (const name of created) removeQuietly(name);
    throw installFailure(path, stagingDirectory, thrown);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/** Removes what a failed install made. Its own failures must not hide the failure that matters. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    // Gone already, or the file system fails altogether: the caller throws why the install failed.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}

function installFailure(path: string, stagingDirectory: string, thrown: unknown): BoxliteError {
  const errno = errnoOf(thrown);
  if (BoxliteError.isInstance(thrown)) return thrown;
  if (errno === 'EEXIST') {
    return new BoxliteError('already_exists', `disk ${quoted(path)} exists already`, {
      hint: 'choose another path, or remove the file if nothing uses it',
      details: { path, field: 'path' },
      cause: thrown,
    });
  }
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new BoxliteError('not_found', `disk ${quoted(path)} cannot be created: its directory does not exist`, {
      hint: `make ${quoted(dirname(path))} and ${quoted(stagingDirectory)} first`,
      details: { path, field: 'path' },
      cause: thrown,
    });
  }
  if (errno === 'EXDEV') {
    return new BoxliteError(
      'config_error',
      `disk ${quoted(path)} and its staging directory are on different file systems`,
      {
        hint: `put ${quoted(stagingDirectory)} on the file system of ${quoted(dirname(path))}`,
        details: { path, stagingDirectory, field: 'stagingDirectory' },
        cause: thrown,
      },
    );
  }
  return toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be created`);
}
