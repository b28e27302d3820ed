import { closeSync, constants, openSync, readSync } from 'node:fs';
import { BoxliteError, errnoOf, type VmmDisk, type VmmSpec } from '@boxlite/core';

/** `QFI\xfb`, big endian (qcow2 specification, "Header"). */
const QCOW2_MAGIC = 0x514649fb;

/** In a directory that others write a pipe may be in its place by now, and opening that would wait for its other end with the whole process. */
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;

/**
 * Opens the files of a machine before anything is prepared for it. libkrun opens them only while it becomes the machine, and does not say which one
 * it could not use. Blocking, because it is on the way of every start and a turn through the thread pool costs ten times as much.
 * @throws BoxliteError `not_found` or `permission_denied`, `details.field` naming the member of the spec; `vmm_failed` for a qcow2 disk that is none
 */
export function checkFiles(spec: VmmSpec): void {
  closeSync(openFile(spec.boxId, 'kernel', spec.kernel, 'r'));
  for (const [index, disk] of spec.disks.entries()) checkDisk(spec.boxId, `disks[${index}].path`, disk);
  for (const [index, { hostPath }] of spec.shares.entries()) {
    closeSync(openFile(spec.boxId, `shares[${index}].hostPath`, hostPath, DIRECTORY));
  }
}

function checkDisk(boxId: string, field: string, { path, format, readOnly }: VmmDisk): void {
  const magic = Buffer.alloc(4);
  const file = openFile(boxId, field, path, readOnly ? 'r' : 'r+');
  try {
    if (format === 'qcow2') readSync(file, magic, 0, magic.length, 0);
  } finally {
    closeSync(file);
  }
  if (format !== 'qcow2' || magic.readUInt32BE() === QCOW2_MAGIC) return;
  throw new BoxliteError('vmm_failed', `box ${boxId}: ${field} ${path} is not of its format, qcow2`, {
    hint: 'restore the file, or remove the box and create it again',
    details: { boxId, field, path },
  });
}

function openFile(boxId: string, field: string, path: string, flags: 'r' | 'r+' | number): number {
  try {
    return openSync(path, flags);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(errno);
    const missing = flags === DIRECTORY ? 'is no directory' : 'does not exist';
    const why = isAbsent ? missing : `cannot be opened (${errno})`;
    throw new BoxliteError(isAbsent ? 'not_found' : 'permission_denied', `box ${boxId}: ${field} ${path} ${why}`, {
      hint: isAbsent
        ? 'restore the file, or remove the box and create it again'
        : 'check the owner and mode of the file',
      cause: thrown,
      details: { field, path },
    });
  }
}
