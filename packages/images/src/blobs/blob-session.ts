import type { Digest, ImageProgress, Lease, TaskCaller } from '@boxlite/core';
import type { BlobLeases } from './blob-leases.js';
import type { BlobKind, BlobStore, ExpectedBlob, FillBlob } from './blob-store.js';
import { sha256 } from './sha256.js';

/**
 * A blob store as one pull, load or start uses it: each blob it asks for is leased first, so that no garbage collection of any process
 * takes it before the session is disposed of. Until then an image record that names the blobs should have been written.
 */
export class BlobSession implements AsyncDisposable {
  private readonly held = new Map<Digest, Promise<Lease>>();

  /** @internal use `BlobStore.session` */
  constructor(
    private readonly blobs: BlobStore,
    private readonly leases: BlobLeases | undefined,
    private readonly purpose: string,
  ) {}

  /** Keeps a blob, whether it is there or not. @throws BoxliteError `aborted`, `lease_held` */
  async hold(digest: Digest, signal?: AbortSignal): Promise<void> {
    if (this.leases === undefined) return;
    const known = this.held.get(digest);
    const lease = known ?? this.leases.use(digest, this.purpose, signal);
    this.held.set(digest, lease);
    try {
      await lease;
    } catch (thrown) {
      // Not that of somebody who has asked again meanwhile.
      if (this.held.get(digest) === lease) this.held.delete(digest);
      throw thrown;
    }
  }

  /** @throws see {@link BlobStore.ensure} */
  async ensure(
    kind: BlobKind,
    blob: ExpectedBlob,
    fill: FillBlob,
    caller: TaskCaller<ImageProgress> = {},
  ): Promise<void> {
    await this.hold(blob.digest, caller.signal);
    await this.blobs.ensure(kind, blob, fill, caller);
  }

  /** @throws see {@link BlobStore.putDocument} */
  async putDocument(kind: 'manifests' | 'configs', bytes: Uint8Array): Promise<Digest> {
    await this.hold(sha256(bytes));
    return this.blobs.putDocument(kind, bytes);
  }

  /** @throws see {@link BlobStore.readDocument} */
  readDocument(kind: 'manifests' | 'configs', digest: Digest): Promise<Uint8Array | undefined> {
    return this.blobs.readDocument(kind, digest);
  }

  /** @throws see {@link BlobStore.adopt} */
  async adopt(kind: BlobKind, digest: Digest, stagedPath: string): Promise<void> {
    await this.hold(digest);
    await this.blobs.adopt(kind, digest, stagedPath);
  }

  /** Lets go of all blobs; idempotent. @throws what the lease store throws, after all others were released */
  async [Symbol.asyncDispose](): Promise<void> {
    const leases = [...this.held.values()];
    this.held.clear();
    const released: Promise<void>[] = [];
    for (const lease of await Promise.allSettled(leases)) {
      if (lease.status === 'fulfilled') released.push(lease.value.release());
    }
    for (const outcome of await Promise.allSettled(released)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }
}
