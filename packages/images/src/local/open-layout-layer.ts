import { createHash } from 'node:crypto';
import { BoxliteError, type ImageLayer } from '@boxlite/core';
import { decodeLayer } from '../layers/decode-layer.js';
import { digestMismatch } from '../layers/digest-mismatch.js';
import { readLayoutBlob } from './layout-directory.js';

/**
 * The tar of a layer read in place from a layout directory. Its bytes are hashed on the way; when they cannot be decompressed they are read
 * again to the end, to tell a blob that was changed from one that was made wrong.
 *
 * @param directory of the layout
 * @throws BoxliteError see {@link decodeLayer}; `digest_mismatch` rather than `layer_invalid` for bytes that are not the named ones
 */
export async function* openLayoutLayer(
  directory: string,
  layer: ImageLayer,
  maxLayerBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* decodeLayer(readLayoutBlob(directory, layer.digest, signal), layer, {
      maxLayerBytes,
      verifyDigest: true,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'layer_invalid')) throw thrown;
    const actual = await digestOf(readLayoutBlob(directory, layer.digest, signal), layer.size);
    if (actual === layer.digest) throw thrown;
    throw digestMismatch(layer, `its bytes are ${actual}`, thrown);
  }
}

async function digestOf(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > maxBytes) return `more than ${maxBytes} bytes`;
    hash.update(chunk);
  }
  return `sha256:${hash.digest('hex')}`;
}
