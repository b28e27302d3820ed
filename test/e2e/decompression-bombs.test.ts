import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '@boxlite/core';
import { createLocalImageSource, type ImageLimits } from '@boxlite/images';
import { buildImageDisk, type LayerLimits } from '@boxlite/rootfs';
import { describe, expect, it } from 'vitest';
import { checkFileSystem, temporaryDirectory } from '../../packages/rootfs/test/support/host.js';
import { openFiles } from '../../packages/rootfs/test/support/leaks.js';
import { type TarEntrySpec, writeTar } from '../../packages/rootfs/test/support/write-tar.js';
import { type StoredLayer, writeLayout } from '../support/write-layout.js';

const KIB = 1024;
const MIB = 1024 ** 2;
/** What reading a bomb may add to the memory of the process, garbage and decoder included. */
const MAX_GROWTH_BYTES = 300 * MIB;

/** The beginning of a file of a tebibyte. */
const ENDLESS_FILE = writeTar([{ name: 'zeros', size: 2 ** 40 }], false);
const ZEROS = gzipSync(Buffer.alloc(MIB));

const gzip = (bytes: Buffer): StoredLayer => ({ bytes, mediaType: 'tar+gzip' });
const zstd = (bytes: Buffer): StoredLayer => ({ bytes, mediaType: 'tar+zstd' });

/** A zstd frame (RFC 8878) of some raw bytes and runs of 128 KiB of zeros, each of which takes four bytes. */
function zstdFrame(raw: Buffer, runs: number, windowExponent = 13): Buffer {
  const block = (type: number, size: number, content: Buffer, isLast: boolean) => {
    const head = Buffer.alloc(3);
    head.writeUIntLE((isLast ? 1 : 0) | (type << 1) | (size << 3), 0, 3);
    return Buffer.concat([head, content]);
  };
  const run = block(1, 128 * KIB, Buffer.alloc(1), false);
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, windowExponent << 3]),
    block(0, raw.length, raw, false),
    ...Array.from({ length: runs }, () => run),
    block(0, 0, Buffer.alloc(0), true),
  ]);
}

const manyEntries = (count: number, entry: (at: number) => TarEntrySpec) =>
  gzipSync(writeTar(Array.from({ length: count }, (_, at) => entry(at))));

interface Bomb {
  readonly layer: () => StoredLayer;
  /** Of the disk. */
  readonly limits?: Partial<LayerLimits>;
  /** Of the image source. */
  readonly imageLimits?: Partial<ImageLimits>;
  readonly code: ErrorCode;
  readonly details?: Record<string, unknown>;
}

const BOMBS: Readonly<Record<string, Bomb>> = {
  'a gzip member of zeros': {
    layer: () => gzip(gzipSync(Buffer.concat([ENDLESS_FILE, Buffer.alloc(128 * MIB)]))),
    limits: { maxBytes: 64 * MIB },
    code: 'resource_exhausted',
    details: { field: 'maxBytes' },
  },
  'very many small gzip members, one behind the other': {
    layer: () => gzip(Buffer.concat([gzipSync(ENDLESS_FILE), ...Array.from({ length: 2000 }, () => ZEROS)])),
    limits: { maxBytes: 64 * MIB },
    code: 'resource_exhausted',
    details: { field: 'maxBytes' },
  },
  'gzip in gzip in gzip': {
    layer: () => {
      const inner = gzipSync(gzipSync(Buffer.concat([randomBytes(4 * KIB), Buffer.alloc(64 * MIB)])));
      return { ...gzip(gzipSync(inner)), diffId: `sha256:${createHash('sha256').update(inner).digest('hex')}` };
    },
    code: 'layer_invalid',
    details: { field: 'checksum' },
  },
  'a gzip layer larger than one layer may be': {
    layer: () => gzip(Buffer.concat([gzipSync(ENDLESS_FILE), ...Array.from({ length: 200 }, () => ZEROS)])),
    imageLimits: { maxLayerBytes: 32 * MIB },
    code: 'resource_exhausted',
    details: { limit: 32 * MIB },
  },
  'zstd runs of zeros': {
    layer: () => zstd(zstdFrame(ENDLESS_FILE, 100_000)),
    limits: { maxBytes: 64 * MIB },
    code: 'resource_exhausted',
    details: { field: 'maxBytes' },
  },
  'zstd runs of zeros that expand more than two thousand times': {
    layer: () => zstd(zstdFrame(ENDLESS_FILE, 100_000)),
    code: 'resource_exhausted',
  },
  'very many zstd frames, one behind the other': {
    layer: () =>
      zstd(
        Buffer.concat([
          zstdFrame(ENDLESS_FILE, 1),
          ...Array.from({ length: 20_000 }, () => zstdFrame(Buffer.alloc(0), 1)),
        ]),
      ),
    limits: { maxBytes: 64 * MIB },
    code: 'resource_exhausted',
    details: { field: 'maxBytes' },
  },
  'a zstd window of two gibibytes': { layer: () => zstd(zstdFrame(ENDLESS_FILE, 1, 21)), code: 'layer_invalid' },
  'more entries than allowed': {
    layer: () => gzip(manyEntries(20_000, (at) => ({ name: `${at}` }))),
    limits: { maxEntries: 10_000 },
    code: 'resource_exhausted',
    details: { field: 'maxEntries' },
  },
  'tiny files with tiny attributes': {
    layer: () => gzip(manyEntries(30_000, (at) => ({ name: `${at}`, pax: { 'SCHILY.xattr.user.a': `${at}` } }))),
    limits: { maxMetadataBytes: 4 * MIB },
    code: 'resource_exhausted',
    details: { field: 'maxMetadataBytes' },
  },
};

describe('a layer of an OCI layout', () => {
  it.each(Object.entries(BOMBS))(
    'of %s ends with a typed error, in bounded memory, and leaves nothing',
    async (_name, bomb) => {
      const directory = await temporaryDirectory();
      const reference = await writeLayout(join(directory, 'layout'), [bomb.layer()]);
      await mkdir(join(directory, 'image'));
      const before = { files: await openFiles(), memory: process.memoryUsage.rss() };
      await expect(convert(reference, join(directory, 'image', 'disk.ext4'), bomb)).rejects.toMatchObject({
        code: bomb.code,
        details: bomb.details ?? {},
      });
      expect(process.memoryUsage.rss() - before.memory).toBeLessThan(MAX_GROWTH_BYTES);
      expect(await readdir(join(directory, 'image'))).toEqual([]);
      expect(await openFiles()).toEqual(before.files);
    },
  );

  it('that is only large is no bomb', async () => {
    const directory = await temporaryDirectory();
    const tar = writeTar([{ name: 'zeros', content: Buffer.alloc(96 * MIB) }]);
    const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
    const reference = await writeLayout(join(directory, 'layout'), [{ ...gzip(gzipSync(tar)), diffId }]);
    const target = join(directory, 'disk.ext4');
    await convert(reference, target, {});
    await checkFileSystem(target);
  });
});

async function convert(
  reference: string,
  target: string,
  { limits, imageLimits }: Pick<Bomb, 'limits' | 'imageLimits'>,
) {
  const source = createLocalImageSource(imageLimits === undefined ? {} : { limits: imageLimits });
  const image = await source.resolve(reference);
  const layers = image.layers.map((layer) => () => source.openLayer(image, layer));
  return buildImageDisk({ layers, target, sizeBytes: 'fit', ...limits });
}
