export { KERNEL_DIRECTORY_VARIABLE } from './boxlite/boxlite-candidates.js';
export { kernelCacheDirectory } from './boxlite/build-cache.js';
export { kernelPackageName } from './boxlite/kernel-package.js';
export { BOXLITE_KERNEL_PRIORITY, boxliteKernelPlugin, probeBoxliteKernel } from './boxlite-kernel-plugin.js';
export { type BoxliteKernelSourceOptions, createBoxliteKernelSource } from './boxlite-kernel-source.js';
export { PVH_ELF_BSS_BYTES, PVH_ELF_IMAGE_OFFSET, pvhElfHeader, type RawKernel } from './elf/pvh-elf.js';
export {
  createFileKernelSource,
  FILE_KERNEL_SOURCE_ID,
  type FileKernelSourceOptions,
  fileKernelPlugin,
} from './file-kernel-source.js';
export { LIBKRUNFW_VARIABLE, SYSTEM_LIBRARY_DIRECTORIES } from './libkrunfw/kernel-candidates.js';
export { PINNED_LIBKRUNFW } from './libkrunfw/pinned-package.js';
export { libkrunfwKernelPlugin } from './libkrunfw-kernel-plugin.js';
export { createLibkrunfwKernelSource, type LibkrunfwKernelSourceOptions } from './libkrunfw-kernel-source.js';
export { MAX_KERNEL_FILE_BYTES } from './read-kernel-file.js';
