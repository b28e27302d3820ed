import { fileURLToPath } from 'node:url';
import { BoxliteError, type KernelSource } from '@boxlite/core';
import { KERNEL_DIRECTORY_VARIABLE, listBoxliteCandidates } from './boxlite/boxlite-candidates.js';
import { KERNEL_TARGETS, type KernelArchitecture } from './boxlite/kernel-manifest.js';
import { kernelPackageName } from './boxlite/kernel-package.js';
import { createCachedKernelSource, type KernelPlaces } from './cached-kernel-source.js';
import { refuseRelativePaths } from './refuse-relative-paths.js';

/** Settings of {@link createBoxliteKernelSource}. */
export interface BoxliteKernelSourceOptions {
  /** The BoxLite home, absolute: kernels are cached in its `kernels/`, staged in its `tmp/`. */
  readonly home: string;
  /** A directory with `kernel.json` and the kernel it describes, absolute. Then nothing else is looked at. */
  readonly directory?: string;
  /** Where `BOXLITE_KERNEL_DIR`, `XDG_CACHE_HOME` and `HOME` are read; default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Directories from which the published package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
  /** As `process.arch`, which is the default. */
  readonly architecture?: string;
}

/**
 * A {@link KernelSource} over the kernel BoxLite builds itself: option, `BOXLITE_KERNEL_DIR`, the published package, the user's build cache, then the one
 * this home has from before.
 *
 * `kernel()` throws BoxliteError `kernel_unavailable` listing every place looked at, `storage_error` or `disk_full` when the home
 * cannot be written, and `aborted`. It may be called concurrently, also by several processes.
 * @throws BoxliteError `invalid_argument` for a relative path
 */
export function createBoxliteKernelSource(options: BoxliteKernelSourceOptions): KernelSource {
  return createCachedKernelSource(boxlitePlaces(options));
}

/** Where {@link createBoxliteKernelSource} looks. */
export function boxlitePlaces(options: BoxliteKernelSourceOptions): KernelPlaces {
  const { home, directory, architecture = process.arch } = options;
  refuseRelativePaths({ home, directory });
  const environment = options.environment ?? process.env;
  const resolveFrom = options.resolveFrom ?? [fileURLToPath(new URL('.', import.meta.url))];
  return {
    id: 'boxlite',
    home,
    surroundings: () => JSON.stringify(VARIABLES.map((name) => environment[name] ?? null)),
    list: async () => {
      if (!isKernelArchitecture(architecture)) throw unsupportedArchitecture(architecture);
      return listBoxliteCandidates({ directory, environment, resolveFrom, architecture });
    },
    takesKept: directory === undefined,
    remedy: `run \`npm run build:kernel\` in a checkout of BoxLite, or install ${
      isKernelArchitecture(architecture) ? kernelPackageName(architecture) : 'libkrunfw'
    }`,
  };
}

const VARIABLES = [KERNEL_DIRECTORY_VARIABLE, 'XDG_CACHE_HOME', 'HOME'];

function isKernelArchitecture(architecture: string): architecture is KernelArchitecture {
  return Object.hasOwn(KERNEL_TARGETS, architecture);
}

function unsupportedArchitecture(architecture: string): BoxliteError {
  return new BoxliteError('kernel_unavailable', `BoxLite has no kernel of its own for ${architecture} machines`, {
    hint: 'use another kernel source',
    details: { field: 'architecture' },
  });
}
