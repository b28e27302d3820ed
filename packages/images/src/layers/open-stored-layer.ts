import { BoxliteError, type ImageLayer } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';
import { decodeLayer } from './decode-layer.js';

/**
 * The tar of a layer in the blob store. The stored bytes were hashed when they were stored; when the tar turns out wrong they are hashed
 * again, so that a blob damaged on disk is removed and the next pull fetches it anew.
 *
 * @throws BoxliteError see {@link decodeLayer}; `not_found` when the blob is gone
 */
export async function* openStoredLayer(
  blobs: BlobStore,
  layer: ImageLayer,
  maxLayerBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* decodeLayer(blobs.read('layers', layer.digest, signal), layer, {
      maxLayerBytes,
      verifyDigest: false,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    const suspicious =
      BoxliteError.isInstance(thrown, 'digest_mismatch') || BoxliteError.isInstance(thrown, 'layer_invalid');
    if (suspicious) await blobs.discardDamaged('layers', layer.digest);
    throw thrown;
  }
}
