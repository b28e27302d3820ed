import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BoxliteError, type GuestKernel, type KernelSource, throwIfAborted } from '@boxlite/core';
import { buildFromLibkrunfw, buildFromVmlinux } from './build-kernel.js';
import { type FileIdentity, identityOfFile } from './cache/file-identity.js';
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
  let last: FoundKernel | undefined;
  const find = async () => {
    if (last === undefined || !(await isUnchanged(last, options))) last = await findKernel(options, cache);
    return last.kernel;
  };
  return {
    id: 'libkrunfw',
    async kernel(signal) {
      throwIfAborted(signal, 'finding the guest kernel');
      running ??= find().finally(() => {
        running = undefined;
      });
      const kernel = await running;
      throwIfAborted(signal, 'finding the guest kernel');
      return kernel;
    },
  };
}

/** What was found last, and what that stands on. */
interface FoundKernel {
  readonly kernel: GuestKernel;
  readonly files: readonly { readonly path: string; readonly identity: FileIdentity | undefined }[];
  /** What `BOXLITE_LIBKRUNFW` was then. */
  readonly chosen: string | undefined;
}

/** So that a start does not look through every library directory again: two files are looked at instead. */
async function isUnchanged({ files, chosen }: FoundKernel, options: LibkrunfwKernelSourceOptions): Promise<boolean> {
  if ((options.environment ?? process.env)[LIBKRUNFW_VARIABLE] !== chosen) return false;
  const now = await Promise.all(files.map(({ path }) => identityOfFile(path)));
  return files.every(({ identity }, index) => identity !== undefined && identity === now[index]);
}

async function findKernel(options: LibkrunfwKernelSourceOptions, cache: KernelCache): Promise<FoundKernel> {
  const chosen = (options.environment ?? process.env)[LIBKRUNFW_VARIABLE];
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
      const { kernel, source } = await kernelFrom(candidate, cache);
      const files = [
        { path: candidate.path, identity: source },
        { path: kernel.path, identity: await identityOfFile(kernel.path) },
      ];
      return { kernel, files, chosen };
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
      if (candidate.chosen) throw chosenIsUnusable(candidate, thrown);
      refused.push(`${candidate.path} (${candidate.origin}): ${thrown.message}`);
    }
  }
  throw noneFound([...refused, ...misses]);
}

async function kernelFrom(
  candidate: KernelCandidate,
  cache: KernelCache,
): Promise<{ readonly kernel: GuestKernel; readonly source: FileIdentity }> {
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
    if (known !== undefined) return { kernel: { ...known, origin }, source: file.identity };
    const bytes = await file.read();
    if (sha256 !== undefined) {
      const actual = createHash('sha256').update(bytes).digest('hex');
      if (actual !== sha256) throw kernelInvalid('sha256', `has sha256 ${actual}, pinned is ${sha256}`);
    }
    const built = kind === 'libkrunfw' ? buildFromLibkrunfw(bytes) : buildFromVmlinux(bytes);
    return { kernel: { ...(await cache.install(key, file.identity, built)), origin }, source: file.identity };
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
