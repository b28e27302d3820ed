// An arm64 machine for tests: QEMU's, with Debian's arm64 kernel, started so that it has KVM of its own. It boots in about three seconds on x86-64.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackArm64Packages } from './arm64-packages.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FILES = join(ROOT, '.cache/arm64-machine');
export const ARM64_EMULATOR = 'qemu-system-aarch64';

/** Drivers that Debian's kernel has as modules, in the order they are loaded. */
const MODULES = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_legacy_dev', 'virtio/virtio_pci_modern_dev'],
  ...['virtio/virtio_pci', 'block/virtio_blk', 'char/virtio_console'],
];

/** Why such a machine cannot be started here; undefined when it can. Fetches its kernel the first time. */
export function arm64MachineObstacle() {
  if (process.platform !== 'linux') return 'the arm64 machine is written for Debian';
  if (spawnSync(ARM64_EMULATOR, ['--version']).status !== 0)
    return `${ARM64_EMULATOR} not found: install qemu-system-arm`;
  return unpackArm64Packages(FILES, ['>linux-image-cloud-arm64', 'busybox-static'], keepWhatIsUsed);
}

/** Drivers and manuals of a hundred megabytes are not kept. */
function keepWhatIsUsed(staged) {
  const [kernel] = readdirSync(join(staged, 'boot')).filter((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error('the package of the arm64 kernel holds none');
  const drivers = join('lib/modules', kernel.slice('vmlinuz-'.length), 'kernel/drivers');
  const used = [join('boot', kernel), 'bin/busybox', ...MODULES.map((name) => join(drivers, `${name}.ko`))];
  const unpacked = readdirSync(staged);
  for (const path of used)
    renameSync(join(staged, path), join(staged, basename(path).replace(/^vmlinuz-.*/, 'vmlinuz')));
  for (const name of unpacked) rmSync(join(staged, name), { recursive: true });
}

/** @returns {{ kernel: string, busybox: string, modules: { path: string, content: Buffer }[] }} what {@link arm64MachineObstacle} has fetched */
export function arm64MachineFiles() {
  const modules = MODULES.map((name) => `${name.slice(name.indexOf('/') + 1)}.ko`);
  return {
    kernel: join(FILES, 'vmlinuz'),
    busybox: join(FILES, 'busybox'),
    modules: modules.map((path) => ({ path, content: readFileSync(join(FILES, path)) })),
  };
}

/**
 * QEMU's arguments for a machine without disks and network cards.
 * @param {{ kernel: string, initrd: string, memoryMib?: number, console: string, hasKvm?: boolean }} machine `console` is a chardev such as `stdio`
 */
export function arm64MachineArguments({ kernel, initrd, memoryMib = 256, console, hasKvm = false }) {
  return [
    // virtualization=on starts the kernel in EL2, so that its KVM has hardware to use.
    ...['-M', `virt,gic-version=3${hasKvm ? ',virtualization=on' : ''}`, '-cpu', 'cortex-a72', '-m', `${memoryMib}M`],
    ...['-accel', 'tcg,tb-size=64', '-nodefaults', '-no-reboot', '-display', 'none', '-serial', console],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyAMA0 quiet panic=-1'],
  ];
}
