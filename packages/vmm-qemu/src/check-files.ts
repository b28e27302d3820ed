import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { BoxliteError, errnoOf, type VmmSpec } from '@boxlite/core';

/**
 * Looks for the files of a machine before anything is prepared for it.
 * @throws BoxliteError `not_found` or `permission_denied`, `details.field` naming the member of the spec
 */
export async function checkFiles(spec: VmmSpec): Promise<void> {
  const readOnly = constants.R_OK;
  const readWrite = constants.R_OK | constants.W_OK;
  await checkFile(spec.boxId, 'kernel', spec.kernel, readOnly);
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
