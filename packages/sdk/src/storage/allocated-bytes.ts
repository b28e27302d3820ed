import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';

/** Of `st_blocks`, whatever the file system's own blocks are (stat(2)). */
const BYTES_PER_BLOCK = 512n;

/**
 * Bytes that a file, or a directory with all it holds, takes on disk: blocks, not apparent size, so holes count nothing, and a file with several
 * names in it counts once. What vanishes meanwhile, or may not be read, counts nothing.
 * @throws BoxliteError `storage_error`
 */
export async function allocatedBytes(path: string): Promise<number> {
  return Number(await measure(path, new Set()));
}

async function measure(path: string, seen: Set<string>): Promise<bigint> {
  const status = await look(path);
  if (status === undefined) return 0n;
  const identity = `${status.dev}:${status.ino}`;
  if (status.nlink > 1n && !status.isDirectory()) {
    if (seen.has(identity)) return 0n;
    seen.add(identity);
  }
  let bytes = status.blocks * BYTES_PER_BLOCK;
  if (!status.isDirectory()) return bytes;
  for (const name of await namesIn(path)) bytes += await measure(join(path, name), seen);
  return bytes;
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
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(errnoOf(thrown) ?? '')) return instead;
  throw toBoxliteError(thrown, 'storage_error', `measuring ${path}`);
}
