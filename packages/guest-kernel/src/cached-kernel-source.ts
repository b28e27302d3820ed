import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { BoxliteError, type GuestKernel, type KernelSource, throwIfAborted } from '@boxlite/core';
import { buildFromArm64Image, buildFromLibkrunfw, buildFromVmlinux } from './build-kernel.js';
import { type FileIdentity, identityOfEntry, identityOfFile } from './cache/file-identity.js';
import { type CachedKernel, KernelCache } from './cache/kernel-cache.js';
import type { CandidateList, KernelCandidate } from './kernel-candidate.js';
import { kernelInvalid } from './kernel-invalid.js';
import { noKernelFound } from './no-kernel-found.js';
import { readPackageVersion, withKernelFile } from './read-kernel-file.js';

/** Where a {@link createCachedKernelSource} looks. */
export interface KernelPlaces {
  readonly id: string;
  /** The BoxLite home, absolute. */
  readonly home: string;
  /** What the list depends on beside files: another text, and it is made again. */
  surroundings(): string;
  list(): Promise<CandidateList>;
  /** Whether a kernel of this source that the home has from before will do where no candidate does. */
  readonly takesKept?: boolean;
  /** What to do when there is none. */
  readonly remedy: string;
}

/**
 * A {@link KernelSource} over a list of places: the first that has a usable kernel gives it, and the home keeps it. Every later call looks at a few
 * files' states instead.
 */
export function createCachedKernelSource(places: KernelPlaces): KernelSource {
  const cache = new KernelCache(places.home);
  let running: Promise<GuestKernel> | undefined;
  let last: FoundKernel | undefined;
  const find = async () => {
    if (last === undefined || !(await isUnchanged(last, places))) last = await findKernel(places, cache);
    return last.kernel;
  };
  return {
    id: places.id,
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
  readonly watched: readonly { readonly path: string; readonly identity: FileIdentity | undefined }[];
  readonly surroundings: string;
}

/** So that a start does not look through every place again: a few files are looked at instead. */
async function isUnchanged(last: FoundKernel, places: KernelPlaces): Promise<boolean> {
  if (places.surroundings() !== last.surroundings) return false;
  const [files, watched] = await Promise.all([
    Promise.all(last.files.map(({ path }) => identityOfFile(path))),
    Promise.all(last.watched.map(({ path }) => identityOfEntry(path))),
  ]);
  return (
    last.files.every(({ identity }, index) => identity !== undefined && identity === files[index]) &&
    last.watched.every(({ identity }, index) => identity === watched[index])
  );
}

async function findKernel(places: KernelPlaces, cache: KernelCache): Promise<FoundKernel> {
  const surroundings = places.surroundings();
  const { candidates, misses, watched = [] } = await places.list();
  const states = await Promise.all(watched.map(async (path) => ({ path, identity: await identityOfEntry(path) })));
  const found = { surroundings, watched: states };
  const refused: string[] = [];
  for (const candidate of candidates) {
    try {
      const { kernel, source } = await kernelFrom(places.id, candidate, cache);
      const cached = { path: kernel.path, identity: await identityOfFile(kernel.path) };
      return { kernel, files: [{ path: candidate.path, identity: source }, cached], ...found };
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
      if (candidate.chosen) throw chosenIsUnusable(candidate, thrown);
      refused.push(`${candidate.path} (${candidate.origin}): ${thrown.message}`);
    }
  }
  const kept = places.takesKept === true ? await cache.kept(`${places.id} `) : undefined;
  if (kept === undefined) throw noKernelFound([...refused, ...misses], places.remedy);
  const files = [{ path: kept.path, identity: await identityOfFile(kept.path) }];
  return { kernel: { ...kept, origin: 'this home, where it was before' }, files, ...found };
}

async function kernelFrom(
  id: string,
  candidate: KernelCandidate,
  cache: KernelCache,
): Promise<{ readonly kernel: GuestKernel; readonly source: FileIdentity }> {
  const { path, kind, origin, sha256, manifest, maxVcpus } = candidate;
  if (!isAbsolute(path)) throw kernelInvalid('path', 'is not named by an absolute path');
  if (manifest !== undefined) {
    const version = await readPackageVersion(manifest.path);
    if (version !== manifest.version) {
      throw kernelInvalid('version', `is of version ${version}, pinned is ${manifest.version}`);
    }
  }
  const key = [id, kind, sha256 ?? 'unpinned', path].join(' ');
  return withKernelFile(path, async (file) => {
    const given = (kernel: CachedKernel) => ({ kernel: { ...kernel, origin }, source: file.identity });
    const known = await cache.lookup(key, file.identity);
    if (known !== undefined) return given(known);
    const built = build(kind, await file.read(), candidate);
    return given(await cache.install(key, file.identity, maxVcpus === undefined ? built : { ...built, maxVcpus }));
  });
}

function build(kind: KernelCandidate['kind'], bytes: Uint8Array, { sha256, version }: KernelCandidate) {
  if (sha256 !== undefined) {
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== sha256) throw kernelInvalid('sha256', `has sha256 ${actual}, pinned is ${sha256}`);
  }
  const built = BUILDERS[kind](bytes);
  if (version !== undefined && built.version !== version) {
    throw kernelInvalid('version', `holds Linux ${built.version}, announced is ${version}`);
  }
  return built;
}

const BUILDERS = { libkrunfw: buildFromLibkrunfw, vmlinux: buildFromVmlinux, image: buildFromArm64Image } as const;

function chosenIsUnusable(candidate: KernelCandidate, thrown: BoxliteError): BoxliteError {
  const { path, origin } = candidate;
  return new BoxliteError('kernel_unavailable', `${path} (${origin}) gives no guest kernel: ${thrown.message}`, {
    hint: thrown.hint ?? `correct ${origin}, or leave it out to have a kernel found`,
    cause: thrown,
    details: { ...thrown.details, path, origin, chosen: true },
  });
}
