import { type Digest, throwIfAborted } from '@boxlite/core';
import type { ImageCache } from './image-cache.js';
import { digestsOf, listBlobs, type StoredBlob } from './stored-blobs.js';

export interface CollectBlobsOptions {
  /** Digests to keep besides those records name. */
  readonly keep?: Iterable<Digest>;
  /** Milliseconds since the epoch: what was stored later stays. */
  readonly olderThan?: number;
  /** Only say what would be removed. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface CollectedBlobs {
  readonly removed: readonly StoredBlob[];
  readonly freedBytes: number;
  /** Garbage by the records, but needed by a pull, a load or a start right now; `holders` names them. */
  readonly inUse: readonly { readonly blob: StoredBlob; readonly holders: string }[];
}

/**
 * Removes the blobs that no record needs. What any process of the home is using is left: each candidate is leased alone and looked for in the records
 * again, and users lease what they need before they look whether it is there. Without leases in the blob store that holds only while
 * nothing else uses it.
 *
 * @throws BoxliteError `storage_error`, `database_error`, `aborted`; what was removed until then is gone
 */
export async function collectBlobs(cache: ImageCache, options: CollectBlobsOptions = {}): Promise<CollectedBlobs> {
  const { olderThan = Number.POSITIVE_INFINITY, dryRun = false, signal } = options;
  const keep = new Set(options.keep);
  const garbage = (await listBlobs(cache)).filter(
    ({ digest, mtimeMs, referencedBy }) => referencedBy.length === 0 && mtimeMs < olderThan && !keep.has(digest),
  );
  const removed: StoredBlob[] = [];
  const inUse: { blob: StoredBlob; holders: string }[] = [];
  for (const blob of garbage) {
    throwIfAborted(signal, 'collecting blobs');
    const lease = await cache.blobs.leaseToCollect(blob.digest);
    if (typeof lease === 'string') {
      inUse.push({ blob, holders: lease });
      continue;
    }
    try {
      // Whoever needed it until a moment ago may have recorded it.
      if (await isNeeded(cache, blob.digest)) continue;
      if (!dryRun) await cache.blobs.remove(blob.kind, blob.digest);
      removed.push(blob);
    } finally {
      await lease?.release();
    }
  }
  return { removed, freedBytes: removed.reduce((total, { bytes }) => total + bytes, 0), inUse };
}

async function isNeeded({ store }: ImageCache, digest: Digest): Promise<boolean> {
  return (await store.list()).some((record) => digestsOf(record).includes(digest));
}
