import { randomBytes } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import { chmod, type FileHandle, open, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';

/** Missing in Node's constants: the descriptor only names the directory (open(2)), so that no permission on it is needed. */
const O_PATH = 0o10000000;
const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Directories deeper than this are moved up to the top: a tree of any depth takes a bounded number of descriptors. */
const MAX_DEPTH = 64;
/** How often one entry may turn into something else, or a directory fill again, under our hands. */
const MAX_ROUNDS = 64;
/** Directories moved up, 64 levels each: far more than a disk's inodes allow to be made in a box's life, and still an end. */
const MAX_MOVES = 65_536;
const OWNER_ALL = 0o700;

/** What one removal knows everywhere. */
interface Removal {
  /** Shown in errors. */
  readonly path: string;
  /** The directory that deeper ones are moved to. */
  readonly top: FileHandle;
  readonly mountId: string;
  moves: number;
}

/**
 * Removes a directory with all it holds; a missing one is fine. A guest or a VMM may have made what is in it, and may still be at it: every
 * step starts from the open directory it is about, so nothing that is swapped for a symbolic link leads anywhere else; modes are only changed
 * of directories, never of files, which can be another's by a hard link; what is mounted below is left alone; and neither a
 * directory without permissions nor one deeper than a path can name is in the way.
 * @throws BoxliteError `storage_error` naming what could not be removed; `invalid_state` for a mount below it
 */
export async function removeTree(path: string): Promise<void> {
  try {
    if (process.platform !== 'linux') {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      return;
    }
    const parent = await openDirectory(dirname(path), constants.O_DIRECTORY | O_PATH);
    if (parent === undefined) return;
    try {
      await removeEntry(parent, basename(path), undefined, { path, depth: 0 });
    } finally {
      await parent.close();
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot remove ${path}`);
  }
}

/**
 * Removes what a directory holds, but not the directory, in the same way.
 * @param keeps names that stay
 * @throws BoxliteError as {@link removeTree}
 */
export async function emptyDirectory(path: string, keeps: (name: string) => boolean = () => false): Promise<void> {
  const names = await readdir(path).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${path}`);
  });
  for (const name of names) if (!keeps(name)) await removeTree(`${path}/${name}`);
}

/** @param removal absent for the tree itself, which becomes its own */
async function removeEntry(
  parent: FileHandle,
  name: string,
  removal: Removal | undefined,
  at: { readonly path: string; readonly depth: number },
): Promise<void> {
  const entry = within(parent, name);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (await unlinked(entry)) return;
    const directory = await openDirectory(entry, DIRECTORY);
    // It is no directory any more: unlinked in the next round.
    if (directory === undefined) continue;
    try {
      const own = removal ?? { path: at.path, top: directory, mountId: mountIdOf(directory), moves: 0 };
      if (mountIdOf(directory) !== (removal?.mountId ?? mountIdOf(parent))) throw mounted(at.path, name);
      await openUp(directory);
      if (at.depth >= MAX_DEPTH) {
        own.moves += 1;
        if (own.moves > MAX_MOVES) break;
        await rename(entry, within(own.top, `.deeper-${randomBytes(8).toString('hex')}`));
        return;
      }
      await removeContent(directory, own, at.depth + 1);
    } finally {
      await directory.close();
    }
    if (await removedEmpty(entry)) return;
  }
  throw new BoxliteError('storage_error', `cannot remove ${at.path}: ${JSON.stringify(name)} in it keeps changing`, {
    hint: 'a process still writes there: end it, and remove it again',
    details: { path: at.path },
  });
}

async function removeContent(directory: FileHandle, removal: Removal, depth: number): Promise<void> {
  for (;;) {
    const before = removal.moves;
    for (const name of await readdir(within(directory, '.'))) {
      await removeEntry(directory, name, removal, { path: removal.path, depth });
    }
    // What was moved up is in the top directory now.
    if (directory !== removal.top || removal.moves === before) return;
  }
}

/** False when it is a directory. */
async function unlinked(entry: string): Promise<boolean> {
  try {
    await unlink(entry);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return true;
    if (errnoOf(thrown) === 'EISDIR') return false;
    throw thrown;
  }
}

/** False when it holds something again, or is no directory any more. */
async function removedEmpty(entry: string): Promise<boolean> {
  try {
    await rmdir(entry);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return true;
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(thrown) ?? '')) return false;
    throw thrown;
  }
}

async function openDirectory(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}

/** A guest can take away its owner's rights to a directory. */
async function openUp(directory: FileHandle): Promise<void> {
  const { mode } = await directory.stat();
  if ((mode & OWNER_ALL) !== OWNER_ALL) await chmod(within(directory, '.'), OWNER_ALL);
}

/** The kernel resolves this from the open directory, wherever it is called now (proc_pid_fd(5)). */
function within({ fd }: FileHandle, name: string): string {
  return name === '.' ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/${name}`;
}

/** Tells a bind mount of the same file system, too, which the device number does not (proc_pid_fdinfo(5)). */
function mountIdOf({ fd }: FileHandle): string {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '';
}

function mounted(path: string, name: string): BoxliteError {
  return new BoxliteError(
    'invalid_state',
    `cannot remove ${path}: something is mounted at ${JSON.stringify(name)} in it`,
    {
      hint: 'unmount it first',
      details: { path, name },
    },
  );
}
