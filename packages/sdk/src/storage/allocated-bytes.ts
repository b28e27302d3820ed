import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';

/** Of `st_blocks`, whatever the file system's own blocks are (stat(2)). */
const BYTES_PER_BLOCK = 512n;
/** Deeper than anything of ours; a VMM can make more than there are descriptors. What lies below counts nothing. */
const MAX_DEPTH = 64;

/**
 * Bytes that a file, or a directory with all it holds, takes on disk: blocks, not apparent size, so holes count nothing, and a file with several
 * names in it counts once. What vanishes meanwhile, or may not be read, counts nothing. A VMM may be at work in it: no link that is put in the
 * place of a directory is followed.
 * @throws BoxliteError `storage_error`
 */
export async function allocatedBytes(path: string): Promise<number> {
  return Number(await measure(path, new Set(), 0));
}

async function measure(path: string, seen: Set<string>, depth: number): Promise<bigint> {
  const status = await look(path);
  if (status === undefined) return 0n;
  const identity = `${status.dev}:${status.ino}`;
  if (status.nlink > 1n && !status.isDirectory()) {
    if (seen.has(identity)) return 0n;
    seen.add(identity);
  }
  const own = status.blocks * BYTES_PER_BLOCK;
  if (!status.isDirectory() || depth >= MAX_DEPTH) return own;
  const directory = await openDirectory(path);
  if (directory === undefined) return own;
  try {
    // Through the open directory, whatever has its name by now.
    const within = process.platform === 'linux' ? `/proc/self/fd/${directory.fd}` : path;
    let bytes = own;
    for (const name of await namesIn(within)) bytes += await measure(join(within, name), seen, depth + 1);
    return bytes;
  } finally {
    await directory.close();
  }
}

async function openDirectory(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (thrown) {
    return whenUnreadable(thrown, path, undefined);
  }
}

async function look(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (thrown) {
    return whenUnreadable(thrown, path, undefined);
  }
}

/** Names in a directory; none when there is none. @throws BoxliteError `storage_error` */
export async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (thrown) {
    return whenUnreadable(thrown, path, []);
  }
}

/** Boxes come and go while they are measured, and what a VMM made may be closed to us. */
function whenUnreadable<T>(thrown: unknown, path: string, instead: T): T {
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP'].includes(errnoOf(thrown) ?? '')) return instead;
  throw toBoxliteError(thrown, 'storage_error', `measuring ${path}`);
}
