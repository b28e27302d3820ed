import { join } from 'node:path';
import { type Digest, digestHex, type ResolvedImage } from '@boxlite/core';
import type { BlobSession } from '../blobs/blob-session.js';
import type { BlobKind } from '../blobs/blob-store.js';

/**
 * Moves the blobs of an image from a staged layout, which was verified, to the blob store.
 * @param directory of the layout, on the store's file system
 * @param adopted digests that were moved before, for several images of one layout
 * @throws BoxliteError `storage_error`, `disk_full`
 */
export async function adoptImage(
  session: BlobSession,
  directory: string,
  image: ResolvedImage,
  adopted: Set<Digest> = new Set(),
): Promise<void> {
  const adopt = async (kind: BlobKind, digest: Digest) => {
    if (adopted.has(digest)) return;
    await session.adopt(kind, digest, join(directory, 'blobs', 'sha256', digestHex(digest)));
    adopted.add(digest);
  };
  for (const layer of image.layers) await adopt('layers', layer.digest);
  await adopt('configs', image.configDigest);
  await adopt('manifests', image.manifestDigest);
}
