import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { type DiskLayer, toBoxliteError } from '@boxlite/core';
import { diskInvalid, invalidArgument, openFailure, quoted } from './disk-errors.js';

/** The unit of disk sizes, bytes. */
export const SECTOR_BYTES = 512;

/** An open raw disk. Whoever opened it closes its descriptor. */
export interface RawDisk {
  readonly fd: number;
  readonly layer: DiskLayer;
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
 * Opens a regular file without following a symbolic link in its last component; O_NONBLOCK, so that a FIFO in its place cannot block.
 * The last sector of a disk counts whole, as QEMU has it.
 * @throws BoxliteError `not_found`, `disk_invalid`, `permission_denied`, `storage_error`
 */
export function openRawDisk(path: string, mode: 'read' | 'write' = 'read'): RawDisk {
  const access = mode === 'write' ? constants.O_RDWR : constants.O_RDONLY;
  let fd: number;
  try {
    fd = openSync(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    throw openFailure(path, thrown);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw diskInvalid(path, 'path', 'it is not a regular file');
    if (stats.size === 0) throw diskInvalid(path, 'size', 'the file is empty');
    if (!Number.isSafeInteger(stats.size)) throw diskInvalid(path, 'size', 'it is larger than any disk');
    const virtualSize = Math.ceil(stats.size / SECTOR_BYTES) * SECTOR_BYTES;
    return { fd, layer: { path, format: 'raw', virtualSize } };
  } catch (thrown) {
    closeSync(fd);
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)}: cannot be examined`);
  }
}

/** Opens, looks, closes. */
export function describeRawDisk(path: string): DiskLayer {
  const { fd, layer } = openRawDisk(path);
  closeSync(fd);
  return layer;
}

/**
 * @param minimum bytes
 * @param owner whose size the minimum is, for the message
 * @throws BoxliteError `invalid_argument` (field `virtualSize`)
 */
export function requireVirtualSize(size: number, minimum: number, owner: string): void {
  if (!Number.isSafeInteger(size) || size <= 0 || size % SECTOR_BYTES !== 0) {
    const why = `virtualSize ${size} is not a multiple of ${SECTOR_BYTES} bytes`;
    throw invalidArgument('virtualSize', why, 'give whole sectors, in bytes');
  }
  if (size >= minimum) return;
  throw invalidArgument(
    'virtualSize',
    `virtualSize ${size} is smaller than the ${minimum} bytes of ${owner}: disks never shrink`,
    `ask for at least ${minimum} bytes`,
  );
}
