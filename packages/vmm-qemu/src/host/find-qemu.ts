import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** The program that emulates x86-64 machines. */
export const QEMU_PROGRAM = 'qemu-system-x86_64';
/** How to get it, for people. */
export const QEMU_REMEDY =
  'install QEMU (Debian, Ubuntu: apt install qemu-system-x86; Fedora: dnf install qemu-system-x86)';

/**
 * The QEMU to run, with symbolic links resolved: the jail grants the file, not the link.
 * @param binary an absolute path, or undefined to search
 * @param searchPath `PATH`
 * @throws BoxliteError `vmm_unavailable` when there is none, `invalid_argument` for a relative path
 */
export function findQemu(binary: string | undefined, searchPath: string): string {
  if (binary !== undefined) {
    if (!isAbsolute(binary)) {
      throw new BoxliteError('invalid_argument', `binary ${JSON.stringify(binary)} is not an absolute path`, {
        hint: 'give an absolute path, or leave it out to search PATH',
        details: { field: 'binary' },
      });
    }
    if (isProgram(binary)) return realpathSync.native(binary);
    throw new BoxliteError('vmm_unavailable', `${binary} is not a program that can be run`, {
      hint: QEMU_REMEDY,
      details: { field: 'binary' },
    });
  }
  const directories = searchPath.split(delimiter).filter(isAbsolute);
  const found = directories.map((directory) => join(directory, QEMU_PROGRAM)).find(isProgram);
  if (found !== undefined) return realpathSync.native(found);
  throw new BoxliteError('vmm_unavailable', `${QEMU_PROGRAM} is not in PATH`, {
    hint: QEMU_REMEDY,
    details: { program: QEMU_PROGRAM },
  });
}

/** True for a file this process may execute. */
export function isProgram(path: string): boolean {
  // Asked first because most directories of PATH do not have it, and an exception costs a hundred times as much.
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not executable: not a candidate. The caller says so if none is left.
    return false;
  }
}
