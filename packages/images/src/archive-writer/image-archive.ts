import { createHash } from 'node:crypto';
import { BoxliteError, type ImageProgress, throwIfAborted } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';
import type { ImageCache } from '../stored/image-cache.js';
import { blobName, type PlannedBlob, planArchive, type SavedImage } from './archive-plan.js';
import { tarEnd, tarHeader, tarPadding } from './tar-header.js';

export interface ImageArchiveOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
}

/**
 * Stored images as one archive: an OCI layout that `docker load` reads too. The same images give the same bytes. That all is there is known before
 * the first byte; blobs are hashed while they are written, and none is collected meanwhile.
 *
 * @throws BoxliteError `invalid_argument` without images, `not_found` when a blob is missing, `digest_mismatch` when one is damaged (it is then removed),
 *   `image_invalid`, `storage_error`, `aborted`
 */
export async function* imageArchive(
  { blobs }: Pick<ImageCache, 'blobs'>,
  images: readonly SavedImage[],
  { signal, onProgress }: ImageArchiveOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const what = 'writing an image archive';
  throwIfAborted(signal, what);
  onProgress?.({ kind: 'resolve' });
  await using session = blobs.session(what);
  const first = await planArchive(blobs, images);
  for (const { digest } of first.blobs) await session.hold(digest, signal);
  // Again, now that nothing can be collected any more.
  const plan = await planArchive(blobs, images);
  for (const [name, text] of plan.documents) {
    const bytes = Buffer.from(text);
    yield Buffer.concat([tarHeader({ name, size: bytes.length }), bytes, tarPadding(bytes.length)]);
  }
  for (const name of ['blobs/', 'blobs/sha256/']) yield tarHeader({ name, size: 0 });
  for (const blob of plan.blobs) {
    yield tarHeader({ name: blobName(blob.digest), size: blob.size });
    yield* verified(blobs, blob, signal);
    yield tarPadding(blob.size);
    onProgress?.({ kind: 'verify', digest: blob.digest, bytes: blob.size, totalBytes: blob.size });
  }
  yield tarEnd();
  onProgress?.({ kind: 'done' });
}

async function* verified(
  blobs: BlobStore,
  { kind, digest, size }: PlannedBlob,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of blobs.read(kind, digest, signal)) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    if (bytes > size) break;
    yield chunk;
  }
  if (bytes === size && `sha256:${hash.digest('hex')}` === digest) return;
  await blobs.discardDamaged(kind, digest, signal);
  throw new BoxliteError('digest_mismatch', `blob ${digest} of the store is damaged`, {
    hint: 'pull the image again',
    details: { digest },
  });
}
