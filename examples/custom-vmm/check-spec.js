import { access, constants } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/**
 * Refuses what this machine cannot be made of, before anything is spawned.
 * @param {import('@boxlite/core').VmmSpec} spec
 * @throws BoxliteError whose `details.field` names the member
 */
export function checkSpec(spec) {
  const { vcpus, memoryMib, commandLine, disks, shares, nics, from } = spec;
  refuseIf(!(Number.isInteger(vcpus) && vcpus > 0), 'invalid_argument', 'vcpus', 'give a whole number from 1');
  refuseIf(vcpus > 64, 'unsupported', 'vcpus', 'give at most 64');
  refuseIf(!Number.isInteger(memoryMib), 'invalid_argument', 'memoryMib', 'give a whole number of MiB');
  // For a distribution's kernel with its initial RAM disk.
  refuseIf(memoryMib < 96, 'resource_exhausted', 'memoryMib', 'give at least 96 MiB');
  // More would need PCI bridges.
  refuseIf(disks.length > 24, 'unsupported', 'disks', 'attach at most 24');
  refuseIf(shares.length > 0, 'unsupported', 'shares', 'start the box without volumes');
  refuseIf(nics.length > 0, 'unsupported', 'nics', 'start the box without network');
  refuseIf(from !== undefined, 'unsupported', 'from', 'boot the box, or use "qemu", which has snapshots');
  const isOneWord = commandLine.every((parameter) => /^[!-~]+$/.test(parameter));
  refuseIf(!isOneWord, 'invalid_argument', 'commandLine', 'give one kernel parameter an element');
  for (const [field, path] of filesOf(spec)) {
    refuseIf(!isAbsolute(path) || path.includes('\0'), 'invalid_argument', field, 'give an absolute path');
  }
  for (const [index, { format }] of disks.entries()) {
    refuseIf(!['raw', 'qcow2'].includes(format), 'invalid_argument', `disks[${index}].format`, 'give "raw" or "qcow2"');
  }
}

/** Looks for the files of a machine before anything is prepared for it. @throws BoxliteError `not_found`, `permission_denied` */
export async function checkFiles(spec) {
  for (const [field, path, isReadOnly] of filesOf(spec)) {
    await access(path, isReadOnly ? constants.R_OK : constants.R_OK | constants.W_OK).catch((cause) => {
      const details = { field, path };
      const hint = 'restore the file, or correct its owner and mode';
      const code = cause.code === 'ENOENT' ? 'not_found' : 'permission_denied';
      throw new BoxliteError(code, `q35: ${field} ${path}: ${cause.message}`, { hint, cause, details });
    });
  }
}

function filesOf({ kernel, initrd, disks }) {
  const files = disks.map(({ path, readOnly }, index) => [`disks[${index}].path`, path, readOnly]);
  return [['kernel', kernel, true], ...(initrd === undefined ? [] : [['initrd', initrd, true]]), ...files];
}

function refuseIf(isWrong, code, field, hint) {
  if (isWrong) throw new BoxliteError(code, `the q35 machine cannot have this ${field}`, { hint, details: { field } });
}
