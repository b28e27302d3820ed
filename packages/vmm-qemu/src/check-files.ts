import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { BoxliteError, errnoOf, type VmmSpec } from '@boxlite/core';

/** The first bytes of every ELF file (elf(5)). */
const ELF_MAGIC = '\x7fELF';

/**
 * Looks for the files of a machine before anything is prepared for it.
 * @throws BoxliteError `not_found`, `permission_denied` or `invalid_argument` (a kernel that is no ELF: QEMU would run it as a boot sector),
 *   `details.field` naming the member of the spec
 */
export async function checkFiles(spec: VmmSpec): Promise<void> {
  const readOnly = constants.R_OK;
  const readWrite = constants.R_OK | constants.W_OK;
  await checkFile(spec.boxId, 'kernel', spec.kernel, readOnly);
  await checkKernel(spec);
  if (spec.initrd !== undefined) await checkFile(spec.boxId, 'initrd', spec.initrd, readOnly);
  for (const [index, disk] of spec.disks.entries()) {
    await checkFile(spec.boxId, `disks[${index}].path`, disk.path, disk.readOnly ? readOnly : readWrite);
  }
}

async function checkFile(boxId: string, field: string, path: string, mode: number): Promise<void> {
  try {
    await access(path, mode);
  } catch (thrown) {
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(errnoOf(thrown) ?? '');
    const why = isAbsent ? 'does not exist' : `cannot be opened (${errnoOf(thrown) ?? String(thrown)})`;
    throw new BoxliteError(isAbsent ? 'not_found' : 'permission_denied', `box ${boxId}: ${field} ${path} ${why}`, {
      hint: isAbsent
        ? 'restore the file, or remove the box and create it again'
        : 'check the owner and mode of the file',
      cause: thrown,
      details: { field, path },
    });
  }
}

async function checkKernel({ boxId, kernel }: VmmSpec): Promise<void> {
  await using file = await open(kernel, constants.O_RDONLY | constants.O_NONBLOCK);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(ELF_MAGIC.length), position: 0 });
  if (buffer.toString('latin1', 0, bytesRead) === ELF_MAGIC) return;
  throw new BoxliteError('invalid_argument', `box ${boxId}: the kernel ${kernel} is no ELF file`, {
    hint: 'give an uncompressed vmlinux with a PVH note',
    details: { field: 'kernel', path: kernel },
  });
}
