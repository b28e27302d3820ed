import { fileURLToPath } from 'node:url';
import type { KernelSource } from '@boxlite/core';
import { createCachedKernelSource } from './cached-kernel-source.js';
import { LIBKRUNFW_VARIABLE, listKernelCandidates, SYSTEM_LIBRARY_DIRECTORIES } from './libkrunfw/kernel-candidates.js';
import { PINNED_LIBKRUNFW } from './libkrunfw/pinned-package.js';
import { refuseRelativePaths } from './refuse-relative-paths.js';

/** Settings of {@link createLibkrunfwKernelSource}. */
export interface LibkrunfwKernelSourceOptions {
  /** The BoxLite home, absolute: kernels are cached in its `kernels/`, staged in its `tmp/`. */
  readonly home: string;
  /** A ready x86-64 `vmlinux` with a PVH note, absolute. Then nothing else is looked at. */
  readonly kernelPath?: string;
  /** A `libkrunfw.so.5`, absolute. Then nothing else is looked at. */
  readonly libraryPath?: string;
  /** Where `BOXLITE_LIBKRUNFW` is read; default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Searched for `libkrunfw.so.5`; default {@link SYSTEM_LIBRARY_DIRECTORIES}. */
  readonly libraryDirectories?: readonly string[];
  /** Directories from which the pinned npm package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
}

/**
 * A {@link KernelSource} over libkrunfw: option, `BOXLITE_LIBKRUNFW`, system libraries, then the pinned npm package.
 *
 * `kernel()` throws BoxliteError `kernel_unavailable` listing every place looked at, `storage_error` or `disk_full` when the home
 * cannot be written, and `aborted`. It may be called concurrently, also by several processes.
 * @throws BoxliteError `invalid_argument` for a relative path
 */
export function createLibkrunfwKernelSource(options: LibkrunfwKernelSourceOptions): KernelSource {
  const { home, kernelPath, libraryPath } = options;
  refuseRelativePaths({ home, kernelPath, libraryPath });
  const environment = options.environment ?? process.env;
  return createCachedKernelSource({
    id: 'libkrunfw',
    home,
    surroundings: () => environment[LIBKRUNFW_VARIABLE] ?? '',
    list: () =>
      listKernelCandidates({
        kernelPath,
        libraryPath,
        environment,
        libraryDirectories: options.libraryDirectories ?? SYSTEM_LIBRARY_DIRECTORIES,
        resolveFrom: options.resolveFrom ?? [fileURLToPath(new URL('.', import.meta.url))],
      }),
    remedy:
      `install libkrunfw from your distribution or npm package ${PINNED_LIBKRUNFW.packageName}@${PINNED_LIBKRUNFW.version}, ` +
      `or set ${LIBKRUNFW_VARIABLE} to the path of a libkrunfw.so.5`,
  });
}
