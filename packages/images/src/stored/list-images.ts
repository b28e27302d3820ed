import type { Digest, ImageRecord } from '@boxlite/core';
import type { ImageCache } from './image-cache.js';
import { digestsOf, listBlobs, type StoredBlob } from './stored-blobs.js';

/** What an image takes. */
export interface ImageSize {
  /** Allocated for all its blobs. */
  readonly sizeBytes: number;
  /** Of these, what another image needs too. Names of one manifest are one image. */
  readonly sharedBytes: number;
  /** What collecting would free once every name of the image is removed. */
  readonly uniqueBytes: number;
  /** Blobs that are not there. A pull mends an image that has some; one of an `oci:` directory has all of them elsewhere. */
  readonly missing: readonly Digest[];
}

export interface StoredImage extends ImageSize {
  readonly record: ImageRecord;
}

/** The recorded images, newest first. @throws BoxliteError `storage_error`, `database_error` */
export async function listImages(cache: ImageCache): Promise<readonly StoredImage[]> {
  const blobs = new Map((await listBlobs(cache)).map((blob) => [blob.digest, blob]));
  const records = await cache.store.list();
  const users = usersByDigest(records);
  return [...records]
    .sort((a, b) => b.cachedAt - a.cachedAt || (a.reference < b.reference ? -1 : 1))
    .map((record) => ({ record, ...measure(record, blobs, users) }));
}

/** The manifests that need each digest. */
function usersByDigest(records: readonly ImageRecord[]): ReadonlyMap<Digest, ReadonlySet<Digest>> {
  const users = new Map<Digest, Set<Digest>>();
  for (const record of records) {
    for (const digest of digestsOf(record)) {
      users.set(digest, (users.get(digest) ?? new Set()).add(record.manifestDigest));
    }
  }
  return users;
}

function measure(
  record: ImageRecord,
  blobs: ReadonlyMap<Digest, StoredBlob>,
  users: ReadonlyMap<Digest, ReadonlySet<Digest>>,
): ImageSize {
  let [sizeBytes, sharedBytes] = [0, 0];
  const missing: Digest[] = [];
  for (const digest of digestsOf(record)) {
    const blob = blobs.get(digest);
    if (blob === undefined) {
      missing.push(digest);
      continue;
    }
    sizeBytes += blob.bytes;
    if ((users.get(digest)?.size ?? 0) > 1) sharedBytes += blob.bytes;
  }
  return { sizeBytes, sharedBytes, uniqueBytes: sizeBytes - sharedBytes, missing };
}
