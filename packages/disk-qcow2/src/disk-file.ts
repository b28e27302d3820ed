import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { diskInvalid, invalidArgument, quoted } from './disk-errors.js';

/** An open regular file. Whoever opened it closes it. */
export interface DiskFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Bytes. */
  readonly size: number;
  /** Device and inode: the identity of the file, whatever its names. */
  readonly identity: string;
}

/** @throws BoxliteError `invalid_argument` naming `field` */
export function requireAbsolutePath(path: string, field: string): void {
  if (typeof path === 'string' && isAbsolute(path) && !path.includes('\0')) return;
  throw invalidArgument(
    field,
    `${field} must be an absolute path, not ${quoted(String(path))}`,
    'give an absolute path',
  );
}

/**
 * Opens a disk without following a symbolic link in its last component, regular files only: the directory may be one a guest's
 * VMM can write. O_NONBLOCK, so that a FIFO in its place cannot block the open.
 * @throws BoxliteError `not_found`, `disk_invalid` (field `path`), `permission_denied`, `storage_error`
 */
export async function openDiskFile(path: string, mode: 'read' | 'write' = 'read'): Promise<DiskFile> {
  const access = mode === 'write' ? constants.O_RDWR : constants.O_RDONLY;
  let handle: FileHandle;
  try {
    handle = await open(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    throw openFailure(path, thrown);
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw diskInvalid(path, 'path', 'it is not a regular file');
    if (stats.size > BigInt(Number.MAX_SAFE_INTEGER)) throw diskInvalid(path, 'path', 'it is larger than any disk');
    return { path, handle, size: Number(stats.size), identity: `${stats.dev}:${stats.ino}` };
  } catch (thrown) {
    await handle.close();
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be examined`);
  }
}

/** Reads up to `length` bytes at `position`; fewer only where the file ends. */
export async function readAt(disk: DiskFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, await readInto(disk, position, buffer));
}

/** Fills `buffer` from `position`. @returns the bytes read, fewer only where the file ends */
export async function readInto(disk: DiskFile, position: number, buffer: Buffer): Promise<number> {
  let filled = 0;
  try {
    while (filled < buffer.length) {
      const { bytesRead } = await disk.handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(disk.path)}: cannot be read`);
  }
  return filled;
}

/** Writes all of `bytes` at `position`. */
export async function writeAt(handle: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

function openFailure(path: string, thrown: unknown): BoxliteError {
  const errno = errnoOf(thrown);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new BoxliteError('not_found', `disk ${quoted(path)} does not exist`, {
        hint: 'check the path',
        cause: thrown,
        details: { path, field: 'path' },
      });
    case 'ELOOP':
      return diskInvalid(path, 'path', 'it is a symbolic link, which is never followed', thrown);
    case 'ENXIO':
    case 'EISDIR':
      return diskInvalid(path, 'path', 'it is not a regular file', thrown);
    case 'EACCES':
    case 'EPERM':
      return new BoxliteError('permission_denied', `disk ${quoted(path)} may not be opened: ${errno}`, {
        hint: 'check the owner and mode of the file and its directories',
        cause: thrown,
        details: { path },
      });
    default:
      return toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be opened`);
  }
}
