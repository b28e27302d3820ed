import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, errnoOf } from '@boxlite/core';
import type { ElfObject } from './elf-object.js';
import { parseElf } from './parse-elf.js';

/** What says that a file is still the one that was read. Nanoseconds as text: they do not fit a number. */
export interface FileIdentity {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  readonly size: string;
  readonly mtimeNs: string;
}

export interface ReadElf {
  readonly object: ElfObject;
  readonly identity: FileIdentity;
}

/** Parsed files of this process by path; bounded, oldest out first. */
const parsed = new Map<string, ReadElf>();
const MAX_REMEMBERED = 4096;

/**
 * Reads an ELF file, from memory if it has not changed since the last time (device, inode, size and modification time).
 * Undefined when there is no such file, or it cannot be read: a loader goes on searching then.
 * @throws BoxliteError `invalid_argument` for a file that is no 64-bit ELF file
 */
export async function readElf(path: string): Promise<ReadElf | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw new BoxliteError('storage_error', `cannot open ${path}: ${errnoOf(thrown)}`, { cause: thrown });
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) return undefined;
    const identity = identityOf(path, stats);
    const known = parsed.get(path);
    if (known !== undefined && sameFile(known.identity, identity)) return known;
    const object = await parseElf(path, async (offset, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    });
    if (parsed.size >= MAX_REMEMBERED) parsed.delete(parsed.keys().next().value as string);
    const result = { object, identity };
    parsed.set(path, result);
    return result;
  } finally {
    await handle.close();
  }
}

export function identityOf(
  path: string,
  stats: { readonly dev: bigint; readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint },
): FileIdentity {
  const { dev, ino, size, mtimeNs } = stats;
  return { path, dev: String(dev), ino: String(ino), size: String(size), mtimeNs: String(mtimeNs) };
}

export function sameFile(left: FileIdentity, right: FileIdentity): boolean {
  return left.dev === right.dev && left.ino === right.ino && left.size === right.size && left.mtimeNs === right.mtimeNs;
}
