import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the fragments, patches and this program. */
export const KERNEL_SOURCES = fileURLToPath(new URL('..', import.meta.url));
export const FRAGMENTS = join(KERNEL_SOURCES, 'config');
export const PATCHES = join(KERNEL_SOURCES, 'patches');

/**
 * What is built for which platform. `configs` are read in this order; `make` is the kernel's own target and `product` the file it leaves.
 * x86-64 boots an ELF with a PVH note; arm64 the flat image its boot protocol knows.
 */
export const TARGETS = {
  'linux-x64': {
    architecture: 'x86_64',
    kernelArch: 'x86_64',
    nodeArch: 'x64',
    crossPrefix: 'x86_64-linux-gnu-',
    crossPackages: ['gcc-x86-64-linux-gnu'],
    make: 'vmlinux',
    product: 'vmlinux',
    file: 'vmlinux',
  },
  'linux-arm64': {
    architecture: 'arm64',
    kernelArch: 'arm64',
    nodeArch: 'arm64',
    crossPrefix: 'aarch64-linux-gnu-',
    crossPackages: ['gcc-aarch64-linux-gnu'],
    make: 'Image',
    product: 'arch/arm64/boot/Image',
    file: 'Image',
  },
};

/** The most CPUs the kernel runs with: CONFIG_NR_CPUS of base.config. */
export const MAX_VCPUS = 64;

/** In the order they are merged; the last of a target is its architecture's. */
export function fragmentNames(target) {
  return [
    ...['base', 'memory', 'containers', 'filesystems', 'network', 'devices', 'speed'],
    TARGETS[target].architecture,
  ].map((name) => `${name}.config`);
}

/** @param {string} target @returns the prefix of the compiler's name; empty when this machine is of the target's architecture */
export function crossPrefix(target, machine = process.arch) {
  const { nodeArch, crossPrefix: prefix } = TARGETS[target];
  return machine === nodeArch ? '' : prefix;
}
