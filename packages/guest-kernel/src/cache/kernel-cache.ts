import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type Digest, digestHex, type GuestKernel, toBoxliteError } from '@boxlite/core';
import { installFile, stage } from '@boxlite/layout';
import { withKernelFile } from '../read-kernel-file.js';
import { type FileIdentity, identityOfFile } from './file-identity.js';
import { type KernelIndexEntry, readKernelIndex, writeKernelIndex } from './kernel-index.js';

/** A kernel before it is in the cache: its parts follow one another in the file. */
export interface BuiltKernel {
  readonly parts: readonly Uint8Array[];
  readonly version: string;
  readonly maxVcpus?: number;
}

/** A kernel in the cache. */
export type CachedKernel = Omit<GuestKernel, 'origin' | 'initrd'>;

/** The home's `kernels/`: one file a kernel, named by the sha256 of its contents, and an index of what was made from what. */
export class KernelCache {
  readonly #kernels: string;
  readonly #staging: string;

  /** @param home absolute path of the BoxLite home */
  constructor(home: string) {
    this.#kernels = join(home, 'kernels');
    this.#staging = join(home, 'tmp');
  }

  /**
   * The kernel made before from this very source, if its file is still the one that was installed: no byte of either is read.
   * @param key which source
   * @param source the state of the source now
   */
  async lookup(key: string, source: FileIdentity): Promise<CachedKernel | undefined> {
    const entry = (await readKernelIndex(this.#kernels)).find((one) => one.key === key && one.source === source);
    if (entry === undefined) return undefined;
    const path = join(this.#kernels, digestHex(entry.digest));
    const isIntact = (await identityOfFile(path)) === entry.cached;
    return isIntact ? asKernel(path, entry) : undefined;
  }

  /**
   * A kernel made before from a source that is gone, the newest first; its file is read where it is not the very one that was installed.
   * @param keyPrefix how the keys of its source begin
   */
  async kept(keyPrefix: string): Promise<CachedKernel | undefined> {
    for (const entry of await readKernelIndex(this.#kernels)) {
      if (!entry.key.startsWith(keyPrefix)) continue;
      const path = join(this.#kernels, digestHex(entry.digest));
      const identity = await identityOfFile(path);
      if (identity === undefined) continue;
      if (identity === entry.cached || (await hasContents(path, entry.digest))) return asKernel(path, entry);
    }
    return undefined;
  }

  /**
   * Writes the kernel in `tmp/`, makes it durable, and renames it to its name; of two processes that do the same, one wins and both
   * files are equal.
   * @throws BoxliteError `storage_error` or `disk_full`; nothing stays
   */
  async install(key: string, source: FileIdentity, kernel: BuiltKernel): Promise<CachedKernel> {
    try {
      await mkdir(this.#kernels, { recursive: true, mode: 0o700 });
      await mkdir(this.#staging, { recursive: true, mode: 0o700 });
      await using area = await stage(this.#staging);
      const hash = createHash('sha256');
      for (const part of kernel.parts) hash.update(part);
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      const path = join(this.#kernels, digestHex(digest));
      await writeParts(area.path('kernel'), kernel.parts);
      await installFile(area.path('kernel'), path);
      const cached = await identityOfFile(path);
      if (cached !== undefined) {
        const { parts: _parts, ...facts } = kernel;
        const entry = { key, source, cached, digest, ...facts };
        await writeKernelIndex(this.#kernels, area.path('index.json'), entry);
      }
      return asKernel(path, { digest, ...kernel });
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `installing the guest kernel in ${this.#kernels}`);
    }
  }
}

async function writeParts(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    // Not writev: what a nearly full disk takes of it is a success with fewer bytes.
    for (const part of parts) await file.appendFile(part);
  } finally {
    await file.close();
  }
}

function asKernel(path: string, entry: Pick<KernelIndexEntry, 'digest' | 'version' | 'maxVcpus'>): CachedKernel {
  const { digest, version, maxVcpus } = entry;
  return { path, digest, version, ...(maxVcpus === undefined ? {} : { maxVcpus }) };
}

/** A copy that was restored from somewhere is another file with the same contents. */
async function hasContents(path: string, digest: Digest): Promise<boolean> {
  try {
    const bytes = await withKernelFile(path, (file) => file.read());
    return createHash('sha256').update(bytes).digest('hex') === digestHex(digest);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
    // Cut short, no file any more, or not to be read: it is not the kernel that was installed.
    return false;
  }
}
