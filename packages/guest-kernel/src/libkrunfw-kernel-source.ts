import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BoxliteError, type GuestKernel, type KernelSource, throwIfAborted } from '@boxlite/core';
import { buildFromLibkrunfw, buildFromVmlinux } from './build-kernel.js';
import { KernelCache } from './cache/kernel-cache.js';
import { kernelInvalid } from './kernel-invalid.js';
import {
  type KernelCandidate,
  LIBKRUNFW_VARIABLE,
  listKernelCandidates,
  SYSTEM_LIBRARY_DIRECTORIES,
} from './libkrunfw/kernel-candidates.js';
import { PINNED_LIBKRUNFW } from './libkrunfw/pinned-package.js';
import { readPackageVersion, withKernelFile } from './read-kernel-file.js';

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
  for (const field of ['home', 'kernelPath', 'libraryPath'] as const) {
    const path = options[field];
    if (path !== undefined && !isAbsolute(path)) {
      throw new BoxliteError('invalid_argument', `${field} ${JSON.stringify(path)} is not an absolute path`, {
        hint: 'give an absolute path',
        details: { field },
      });
    }
  }
  const cache = new KernelCache(options.home);
  let running: Promise<GuestKernel> | undefined;
  return {
    id: 'libkrunfw',
    async kernel(signal) {
      throwIfAborted(signal, 'finding the guest kernel');
      running ??= findKernel(options, cache).finally(() => {
        running = undefined;
      });
      const kernel = await running;
      throwIfAborted(signal, 'finding the guest kernel');
      return kernel;
    },
  };
}

async function findKernel(options: LibkrunfwKernelSourceOptions, cache: KernelCache): Promise<GuestKernel> {
  const { candidates, misses } = await listKernelCandidates({
    kernelPath: options.kernelPath,
    libraryPath: options.libraryPath,
    environment: options.environment ?? process.env,
    libraryDirectories: options.libraryDirectories ?? SYSTEM_LIBRARY_DIRECTORIES,
    resolveFrom: options.resolveFrom ?? [fileURLToPath(new URL('.', import.meta.url))],
  });
  const refused: string[] = [];
  for (const candidate of candidates) {
    try {
      return await kernelFrom(candidate, cache);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
      if (candidate.chosen) throw chosenIsUnusable(candidate, thrown);
      refused.push(`${candidate.path} (${candidate.origin}): ${thrown.message}`);
    }
  }
  throw noneFound([...refused, ...misses]);
}

async function kernelFrom(candidate: KernelCandidate, cache: KernelCache): Promise<GuestKernel> {
  const { path, kind, origin, sha256, manifest } = candidate;
  if (!isAbsolute(path)) throw kernelInvalid('path', 'is not named by an absolute path');
  if (manifest !== undefined) {
    const version = await readPackageVersion(manifest.path);
    if (version !== manifest.version) {
      throw kernelInvalid('version', `is of version ${version}, pinned is ${manifest.version}`);
    }
  }
  const key = [kind, sha256 ?? 'unpinned', path].join(' ');
  return withKernelFile(path, async (file) => {
    const known = await cache.lookup(key, file.identity);
    if (known !== undefined) return { ...known, origin };
    const bytes = await file.read();
    if (sha256 !== undefined) {
      const actual = createHash('sha256').update(bytes).digest('hex');
      if (actual !== sha256) throw kernelInvalid('sha256', `has sha256 ${actual}, pinned is ${sha256}`);
    }
    const built = kind === 'libkrunfw' ? buildFromLibkrunfw(bytes) : buildFromVmlinux(bytes);
    return { ...(await cache.install(key, file.identity, built)), origin };
  });
}

function chosenIsUnusable(candidate: KernelCandidate, thrown: BoxliteError): BoxliteError {
  const { path, origin } = candidate;
  return new BoxliteError('kernel_unavailable', `${path} (${origin}) gives no guest kernel: ${thrown.message}`, {
    hint: thrown.hint ?? `correct ${origin}, or leave it out to have a kernel found`,
    cause: thrown,
    details: { ...thrown.details, path, origin },
  });
}

function noneFound(places: readonly string[]): BoxliteError {
  return new BoxliteError(
    'kernel_unavailable',
    `no guest kernel was found:\n${places.map((place) => `  ${place}`).join('\n')}`,
    {
      hint:
        `install libkrunfw from your distribution or npm package ${PINNED_LIBKRUNFW.packageName}@${PINNED_LIBKRUNFW.version}, ` +
        `or set ${LIBKRUNFW_VARIABLE} to the path of a libkrunfw.so.5`,
      details: { places },
    },
  );
}
