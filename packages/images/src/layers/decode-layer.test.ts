import { gzipSync } from 'node:zlib';
import type { ImageLayer } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../blobs/sha256.js';
import { decodeLayer } from './decode-layer.js';

const TEXT = Buffer.alloc(3_000_000, 'some text that repeats ');
const limits = { maxLayerBytes: 10_000_000, verifyDigest: true };

async function* chunks(bytes: Uint8Array, size = 65_536) {
  for (let offset = 0; offset < bytes.byteLength; offset += size) yield bytes.subarray(offset, offset + size);
}

const layerOf = (stored: Uint8Array, tar: Uint8Array): ImageLayer => ({
  digest: sha256(stored),
  diffId: sha256(tar),
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  size: stored.byteLength,
});

async function decode(
  stored: Uint8Array,
  layer: ImageLayer,
  options: Partial<typeof limits> & { signal?: AbortSignal } = {},
) {
  const parts: Uint8Array[] = [];
  for await (const part of decodeLayer(chunks(stored), layer, { ...limits, ...options })) parts.push(part);
  return Buffer.concat(parts);
}

describe('a stored layer', () => {
  it('is recognised by its magic, whatever its media type says', async () => {
    for (const stored of [gzipSync(TEXT), TEXT, gzipSync(TEXT, { level: 1 })]) {
      expect(sha256(await decode(stored, layerOf(stored, TEXT)))).toBe(sha256(TEXT));
    }
  });

  it('of several gzip members, as eStargz and pigz write them, is read whole', async () => {
    const stored = Buffer.concat([
      gzipSync(TEXT.subarray(0, 999)),
      gzipSync(TEXT.subarray(999, 70_000)),
      gzipSync(TEXT.subarray(70_000)),
    ]);
    expect(sha256(await decode(stored, layerOf(stored, TEXT)))).toBe(sha256(TEXT));
  });

  it('that is empty or shorter than a magic is read', async () => {
    for (const stored of [Buffer.alloc(0), Buffer.from('ab')])
      expect(sha256(await decode(stored, layerOf(stored, stored)))).toBe(sha256(stored));
  });

  it('whose tar is not its diff id fails at the end', async () => {
    const stored = gzipSync(TEXT);
    const layer = { ...layerOf(stored, TEXT), diffId: sha256('other') };
    await expect(decode(stored, layer)).rejects.toMatchObject({
      code: 'digest_mismatch',
      details: { digest: layer.digest },
    });
  });

  it('whose stored bytes are not its digest fails at the end, also when the tar is right', async () => {
    const stored = gzipSync(TEXT);
    const layer = { ...layerOf(stored, TEXT), digest: sha256('other') };
    await expect(decode(stored, layer)).rejects.toMatchObject({ code: 'digest_mismatch' });
  });

  it('that is truncated or damaged is invalid, wherever it was cut', async () => {
    const stored = gzipSync(TEXT);
    const layer = layerOf(stored, TEXT);
    for (const length of [1, 5, 12, 100, stored.length - 1]) {
      await expect(decode(stored.subarray(0, length), layer)).rejects.toMatchObject({ code: 'layer_invalid' });
    }
    const cut = stored.subarray(0, stored.length - 4);
    await expect(decode(cut, layerOf(cut, TEXT))).rejects.toMatchObject({ code: 'layer_invalid' });
    const damaged = Buffer.from(stored);
    damaged.fill(0xff, 20, 60);
    await expect(decode(damaged, layer)).rejects.toMatchObject({ code: 'layer_invalid' });
  });

  it('that is longer than its manifest says is refused', async () => {
    const stored = gzipSync(TEXT);
    const layer = layerOf(stored, TEXT);
    await expect(decode(Buffer.concat([stored, Buffer.alloc(10)]), layer)).rejects.toMatchObject({
      code: 'digest_mismatch',
    });
  });

  it('that expands over the limit is refused before it is all read', async () => {
    const stored = gzipSync(TEXT);
    await expect(decode(stored, layerOf(stored, TEXT), { maxLayerBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'resource_exhausted',
      details: { limit: 1_000_000 },
    });
  });

  it('compressed with xz or bzip2 is refused by name', async () => {
    for (const [magic, name] of [
      ['/Td6WFoA', 'xz'],
      ['QlpoOTFB', 'bzip2'],
    ] as const) {
      const stored = Buffer.concat([Buffer.from(magic, 'base64'), Buffer.alloc(100)]);
      await expect(decode(stored, layerOf(stored, stored))).rejects.toMatchObject({
        code: 'layer_invalid',
        details: { compression: name },
      });
    }
  });

  it('stops when the caller aborts', async () => {
    const controller = new AbortController();
    const stored = gzipSync(TEXT);
    const reading = (async () => {
      for await (const _part of decodeLayer(chunks(stored), layerOf(stored, TEXT), {
        ...limits,
        signal: controller.signal,
      })) {
        controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
  });

  it('closes its source when the consumer stops early', async () => {
    let closed = false;
    const stored = gzipSync(TEXT);
    async function* source() {
      try {
        yield* chunks(stored, 100);
      } finally {
        closed = true;
      }
    }
    for await (const _part of decodeLayer(source(), layerOf(stored, TEXT), limits)) break;
    expect(closed).toBe(true);
  });
});
