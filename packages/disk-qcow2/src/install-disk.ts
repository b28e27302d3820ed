import { randomBytes } from 'node:crypto';
import { constants, fchmodSync } from 'node:fs';
import { type FileHandle, link, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/**
 * Makes a file appear under its name whole and durable, or not at all: written and fsynced under a staging name, then linked
 * (unlike a rename, a link never replaces a file), then the directory is fsynced. Killed at any point, it leaves at most the
 * staging file.
 * @param path absolute; must not exist
 * @param staging on the same file system as `path`
 * @param write fills the empty file, mode 0600 whatever the umask
 * @throws BoxliteError `already_exists`, `not_found` (no such directory), `disk_full`, `storage_error`, or what `write` throws
 */
export async function installDisk(
  path: string,
  staging: Staging,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const stagingDirectory = staging.directory ?? dirname(path);
  const staged = join(stagingDirectory, staging.name());
  const created: string[] = [];
  const handles: FileHandle[] = [];
  const keep = (handle: FileHandle): FileHandle => {
    handles.push(handle);
    return handle;
  };
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = keep(await open(staged, flags, 0o600));
    created.push(staged);
    fchmodSync(handle.fd, 0o600);
    await write(handle);
    const [directory] = await allOf([
      open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY).then(keep),
      handle.sync(),
    ]);
    await link(staged, path);
    created.push(path);
    await allOf([unlink(staged), directory.sync()]);
    created.shift();
  } catch (thrown) {
    await removeAll(created);
    throw installFailure(path, stagingDirectory, thrown);
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** Like `Promise.all`, but nothing is under way any more when it rejects. */
async function allOf<Results extends readonly unknown[]>(
  work: {
    readonly [Index in keyof Results]: Promise<Results[Index]>;
  },
): Promise<Results> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as unknown as Results;
}

/** Removes what a failed install made. Its own failures must not hide the failure that matters. */
async function removeAll(paths: readonly string[]): Promise<void> {
  await Promise.allSettled(paths.map((created) => unlink(created)));
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
