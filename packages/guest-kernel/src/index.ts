export { PVH_ELF_BSS_BYTES, PVH_ELF_IMAGE_OFFSET, pvhElfHeader, type RawKernel } from './elf/pvh-elf.js';
export { LIBKRUNFW_VARIABLE, SYSTEM_LIBRARY_DIRECTORIES } from './libkrunfw/kernel-candidates.js';
export { PINNED_LIBKRUNFW } from './libkrunfw/pinned-package.js';
export { libkrunfwKernelPlugin } from './libkrunfw-kernel-plugin.js';
export { createLibkrunfwKernelSource, type LibkrunfwKernelSourceOptions } from './libkrunfw-kernel-source.js';
export { MAX_KERNEL_FILE_BYTES } from './read-kernel-file.js';
