import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import type { Accelerator } from '../machine/accelerator.js';

/** The firmware of microvm without ACPI; it loads the kernel by its PVH note. */
export const MICROVM_FIRMWARE = 'qboot.rom';
/** Distributions that build QEMU in modules put the translator here. */
const TCG_MODULE = 'accel-tcg-x86_64.so';

/** The files besides its binary that a QEMU opens for our machine. */
export interface QemuFiles {
  readonly firmwareDir: string;
  readonly firmware: string;
  /** What it loads with dlopen; each has shared libraries of its own. */
  readonly modules: readonly string[];
}

/**
 * Finds QEMU's files beside its binary and in the usual places.
 * @param binary absolute path of QEMU
 * @param firmwareDirs looked at first
 * @throws BoxliteError `vmm_unavailable` when the firmware is missing, naming the directories
 */
export function findQemuFiles(binary: string, accelerator: Accelerator, firmwareDirs: readonly string[]): QemuFiles {
  const prefix = dirname(dirname(binary));
  const dataDirs = [
    ...firmwareDirs,
    join(prefix, 'share/qemu'),
    '/usr/share/qemu',
    '/usr/local/share/qemu',
    '/usr/share/qemu-firmware',
  ];
  const firmwareDir = dataDirs.find((directory) => existsSync(join(directory, MICROVM_FIRMWARE)));
  if (firmwareDir === undefined) {
    throw new BoxliteError(
      'vmm_unavailable',
      `QEMU's firmware ${MICROVM_FIRMWARE} is in none of ${dataDirs.join(', ')}`,
      {
        hint: 'install it (Debian, Ubuntu: apt install qemu-system-data), or give its directory in option firmwareDirs',
        details: { field: 'firmwareDirs' },
      },
    );
  }
  const moduleDirs = ['lib/x86_64-linux-gnu/qemu', 'lib64/qemu', 'lib/qemu'].map((directory) =>
    join(prefix, directory),
  );
  const tcgModule = moduleDirs.map((directory) => join(directory, TCG_MODULE)).find((path) => existsSync(path));
  return {
    firmwareDir,
    firmware: join(firmwareDir, MICROVM_FIRMWARE),
    modules: accelerator === 'tcg' && tcgModule !== undefined ? [tcgModule] : [],
  };
}
