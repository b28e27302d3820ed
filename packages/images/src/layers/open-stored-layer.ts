import { BoxliteError, type ImageLayer } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';
import { decodeLayer } from './decode-layer.js';

export interface OpenStoredLayerOptions {
  readonly maxLayerBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Brings a layer that is missing or damaged into the store again. Without it such a layer is an error. */
  readonly refetch?: (() => Promise<unknown>) | undefined;
}

/**
 * The tar of a layer in the blob store.
 *
 * With `refetch` the stored bytes are hashed first (once a process), and fetched again when they are not what they were. Without it, and for
 * whatever happens while they are read, a tar that turns out wrong has them hashed, so that a damaged blob is removed and the next pull fetches it anew.
 *
 * @throws BoxliteError see {@link decodeLayer}; `not_found` when the blob is gone; whatever `refetch` throws
 */
export async function* openStoredLayer(
  blobs: BlobStore,
  layer: ImageLayer,
  { maxLayerBytes, signal, refetch }: OpenStoredLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (refetch !== undefined && !(await blobs.verify('layers', layer, signal))) await refetch();
  try {
    yield* decodeLayer(blobs.read('layers', layer.digest, signal), layer, {
      maxLayerBytes,
      verifyDigest: false,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    const suspicious =
      BoxliteError.isInstance(thrown, 'digest_mismatch') || BoxliteError.isInstance(thrown, 'layer_invalid');
    if (suspicious) await blobs.discardDamaged('layers', layer.digest, signal);
    throw thrown;
  }
}
