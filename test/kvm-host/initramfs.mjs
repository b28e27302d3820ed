import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpioArchive } from './cpio-archive.mjs';
import { BOOT_MODULES, hostScript, initramfsScript } from './guest-scripts.mjs';

/**
 * @param {{ busybox: string, modules: string }} image
 * @returns {Buffer} what finds the root disk and brings the host's first process
 */
export function initramfs({ busybox, modules }) {
  return cpioArchive([
    { path: 'bin' },
    { path: 'bin/busybox', mode: 0o755, data: readFileSync(busybox) },
    { path: 'modules' },
    ...BOOT_MODULES.map((name) => ({ path: `modules/${name}.ko`, data: readFileSync(join(modules, `${name}.ko`)) })),
    { path: 'init', mode: 0o755, data: Buffer.from(initramfsScript()) },
    { path: 'host-init', data: Buffer.from(hostScript()) },
  ]);
}
