import { closeSync, constants, fdatasync, fstatSync, openSync, read, writev } from 'node:fs';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { diskInvalid, invalidArgument, quoted } from './disk-errors.js';

/** An open regular file. Whoever opened it closes it. */
export interface DiskFile {
  readonly path: string;
  readonly fd: number;
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

const readFd = promisify(read);
const writevFd = promisify(writev);
const datasyncFd = promisify(fdatasync);

/**
 * Opens a disk without following a symbolic link in its last component, regular files only: the directory may be one a guest's
 * VMM can write. O_NONBLOCK, so that a FIFO in its place cannot block the open.
 *
 * Opening and closing block: each turn through the thread pool would cost a fifth of what a whole child may take, and the kernel
 * has the directories of a home in memory.
 * @throws BoxliteError `not_found`, `disk_invalid` (field `path`), `permission_denied`, `storage_error`
 */
export function openDiskFile(path: string, mode: 'read' | 'write' = 'read'): DiskFile {
  const access = mode === 'write' ? constants.O_RDWR : constants.O_RDONLY;
  let fd: number;
  try {
    fd = openSync(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    throw openFailure(path, thrown);
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw diskInvalid(path, 'path', 'it is not a regular file');
    if (stats.size > BigInt(Number.MAX_SAFE_INTEGER)) throw diskInvalid(path, 'path', 'it is larger than any disk');
    return { path, fd, size: Number(stats.size), identity: `${stats.dev}:${stats.ino}` };
  } catch (thrown) {
    closeSync(fd);
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be examined`);
  }
}

/** Its descriptor must not be used any more. */
export function closeDiskFile({ fd }: DiskFile): void {
  closeSync(fd);
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
      const { bytesRead } = await readFd(disk.fd, buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(disk.path)}: cannot be read`);
  }
  return filled;
}

/** Writes the pieces one after another from `position` on; throws what the operating system says. */
export async function writeAt(fd: number, position: number, ...pieces: readonly Uint8Array[]): Promise<void> {
  let at = position;
  for (let rest = pieces.filter(({ length }) => length > 0); rest.length > 0; ) {
    const { bytesWritten } = await writevFd(fd, rest, at);
    at += bytesWritten;
    rest = dropFirst(rest, bytesWritten);
  }
}

/** Returns when everything written to the file is durable; throws what the operating system says. */
export async function syncData(fd: number): Promise<void> {
  await datasyncFd(fd);
}

function dropFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  return pieces.flatMap((piece) => {
    const taken = Math.min(left, piece.length);
    left -= taken;
    return taken === piece.length ? [] : [piece.subarray(taken)];
  });
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
