import type { ResolvedImage } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';

/**
 * Keeps the blobs of an image from being collected, by any process of the home, until what is returned is disposed of: for the time between
 * `resolve` and the end of the last `openLayer`.
 * @param purpose what is done with it, for those who find a blob in use
 * @throws BoxliteError `aborted`, `database_error`; nothing is held then
 */
export async function holdImage(
  blobs: BlobStore,
  image: Pick<ResolvedImage, 'manifestDigest' | 'configDigest' | 'layers'>,
  purpose: string,
  signal?: AbortSignal,
): Promise<AsyncDisposable> {
  const session = blobs.session(purpose);
  try {
    for (const { digest } of image.layers) await session.hold(digest, signal);
    for (const digest of [image.configDigest, image.manifestDigest]) await session.hold(digest, signal);
    return session;
  } catch (thrown) {
    await session[Symbol.asyncDispose]();
    throw thrown;
  }
}
