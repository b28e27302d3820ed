import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, errnoOf, type VmmDisk, type VmmSpec } from '@boxlite/core';

/** `QFI\xfb`, big endian (qcow2 specification, "Header"). */
const QCOW2_MAGIC = 0x514649fb;

/**
 * Opens the files of a machine before anything is prepared for it. libkrun opens them only while it becomes the machine, and does not say which one
 * it could not use.
 * @throws BoxliteError `not_found` or `permission_denied`, `details.field` naming the member of the spec; `vmm_failed` for a qcow2 disk that is none
 */
export async function checkFiles(spec: VmmSpec): Promise<void> {
  await Promise.all([
    withFile(spec.boxId, 'kernel', spec.kernel, 'r', async () => undefined),
    ...spec.disks.map((disk, index) => checkDisk(spec.boxId, `disks[${index}].path`, disk)),
    ...spec.shares.map(({ hostPath }, index) =>
      withFile(spec.boxId, `shares[${index}].hostPath`, hostPath, 'r', async () => undefined),
    ),
  ]);
}

async function checkDisk(boxId: string, field: string, { path, format, readOnly }: VmmDisk): Promise<void> {
  await withFile(boxId, field, path, readOnly ? 'r' : 'r+', async (file) => {
    if (format !== 'qcow2') return;
    const magic = Buffer.alloc(4);
    await file.read(magic, 0, magic.length, 0);
    if (magic.readUInt32BE() === QCOW2_MAGIC) return;
    throw new BoxliteError('vmm_failed', `box ${boxId}: ${field} ${path} is not of its format, qcow2`, {
      hint: 'restore the file, or remove the box and create it again',
      details: { boxId, field, path },
    });
  });
}

async function withFile(
  boxId: string,
  field: string,
  path: string,
  flags: 'r' | 'r+',
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(errno);
    const why = isAbsent ? 'does not exist' : `cannot be opened (${errno})`;
    throw new BoxliteError(isAbsent ? 'not_found' : 'permission_denied', `box ${boxId}: ${field} ${path} ${why}`, {
      hint: isAbsent
        ? 'restore the file, or remove the box and create it again'
        : 'check the owner and mode of the file',
      cause: thrown,
      details: { field, path },
    });
  }
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
