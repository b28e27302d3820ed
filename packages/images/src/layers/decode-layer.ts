import { createHash, type Hash } from 'node:crypto';
import { BoxliteError, type ImageLayer, throwIfAborted } from '@boxlite/core';
import { readError } from '../read-error.js';
import { decompress } from './decompress.js';
import { digestMismatch } from './digest-mismatch.js';

/** Below this much output the ratio says nothing: a layer of a few zero-filled files is legal and tiny. */
const RATIO_FREE_BYTES = 1024 ** 3;
/** Above what gzip can do at all (1032:1), so only zstd bombs meet it. */
export const MAX_RATIO = 2000;

/** True when what was stored has grown more than anything honest does. */
export function isExploding(totalBytes: number, storedBytes: number): boolean {
  return totalBytes > RATIO_FREE_BYTES && totalBytes > storedBytes * MAX_RATIO;
}

export interface DecodeLayerOptions {
  /** Uncompressed bytes; more is `resource_exhausted`. */
  readonly maxLayerBytes: number;
  /** Hash the compressed bytes too. Needed unless they were verified when they were stored. */
  readonly verifyDigest: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Turns a stored layer into its tar.
 *
 * The compression is recognised by its magic. The consumer must read to the end before it believes anything: only there are sizes and
 * digests known.
 *
 * @param source the stored bytes; closed however the reading ends
 * @throws BoxliteError `digest_mismatch`, `layer_invalid` (damaged, truncated, unknown compression), `resource_exhausted`, `aborted`
 */
export async function* decodeLayer(
  source: AsyncIterable<Uint8Array>,
  layer: ImageLayer,
  options: DecodeLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Of a layer that was never compressed both digests are of the same bytes.
  const compressed = new StoredBytes(layer, options.verifyDigest && layer.digest !== layer.diffId);
  const diffId = createHash('sha256');
  let total = 0;
  try {
    for await (const chunk of decompress(compressed.read(source), `layer ${layer.digest}`)) {
      throwIfAborted(options.signal, `reading layer ${layer.digest}`);
      total += chunk.byteLength;
      checkBounds(layer, total, compressed.size, options.maxLayerBytes);
      diffId.update(chunk);
      yield chunk;
    }
  } catch (thrown) {
    throwIfAborted(options.signal, `reading layer ${layer.digest}`);
    throw readError(thrown, 'layer_invalid', `layer ${layer.digest} is damaged or truncated`);
  }
  throwIfAborted(options.signal, `reading layer ${layer.digest}`);
  compressed.verify();
  const actual = `sha256:${diffId.digest('hex')}`;
  if (actual !== layer.diffId)
    throw digestMismatch(layer, `uncompressed it is ${actual}, not the diff id ${layer.diffId}`);
}

/** Counts and hashes what is read from storage. */
class StoredBytes {
  size = 0;
  private readonly hash: Hash | undefined;

  constructor(
    private readonly layer: ImageLayer,
    verifyDigest: boolean,
  ) {
    this.hash = verifyDigest ? createHash('sha256') : undefined;
  }

  async *read(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.size += chunk.byteLength;
      if (this.size > this.layer.size) throw digestMismatch(this.layer, `it has more than ${this.layer.size} bytes`);
      this.hash?.update(chunk);
      yield chunk;
    }
    if (this.size < this.layer.size) {
      throw new BoxliteError(
        'layer_invalid',
        `layer ${this.layer.digest} is truncated: ${this.size} of ${this.layer.size} bytes`,
        { hint: 'pull the image again', details: { digest: this.layer.digest } },
      );
    }
  }

  verify(): void {
    // Bytes after the end of the compressed stream were never asked for.
    if (this.size !== this.layer.size) throw digestMismatch(this.layer, 'it has data after its end');
    if (this.hash === undefined) return;
    const actual = `sha256:${this.hash.digest('hex')}`;
    if (actual !== this.layer.digest) throw digestMismatch(this.layer, `its bytes are ${actual}`);
  }
}

function checkBounds(layer: ImageLayer, total: number, stored: number, limit: number): void {
  const exploding = isExploding(total, stored);
  if (total <= limit && !exploding) return;
  const why = exploding ? `it expands more than ${MAX_RATIO} times` : `it has more than ${limit} bytes uncompressed`;
  throw new BoxliteError('resource_exhausted', `layer ${layer.digest} is too large: ${why}`, {
    hint: 'use a smaller image, or raise maxLayerBytes of the image source',
    details: { digest: layer.digest, limit },
  });
}
