import { createHash } from 'node:crypto';
import { digestHex, type ImageLayer, parseDigest } from '@boxlite/core';
import type { ImageConverter } from '../image-converter.js';

/** What of an image decides about its disk; a `ResolvedImage` fits. */
export interface ImageContent {
  /** Bottom first. */
  readonly layers: readonly Pick<ImageLayer, 'diffId'>[];
}

/**
 * The name of a disk: the ordered digests of its uncompressed layers, what converts them, and how it is laid out.
 * @param layout what decides its size
 * @throws BoxliteError `image_invalid` when a digest is malformed
 */
export function imageDiskKey(image: ImageContent, converter: ImageConverter, layout: number | string): string {
  const hash = createHash('sha256').update(`${converter.id} ${converter.version} ${layout}\n`);
  for (const layer of image.layers) hash.update(`${digestHex(parseDigest(layer.diffId, 'diffId'))}\n`);
  return hash.digest('hex');
}
