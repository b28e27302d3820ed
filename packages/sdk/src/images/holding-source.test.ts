import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSource, ResolvedImage } from '@boxlite/core';
import { BlobStore } from '@boxlite/images';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestHome, testHome } from '../../test/support/test-home.js';
import { holdingSource } from './holding-source.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const LAYER = { digest: digest('a'), diffId: digest('b'), mediaType: 'x', size: 1 };
const IMAGE = { manifestDigest: digest('c'), configDigest: digest('d'), layers: [LAYER] } as unknown as ResolvedImage;

let home: TestHome;
let directory: string;
beforeEach(async () => {
  home = await testHome();
  directory = await mkdtemp(join(tmpdir(), 'boxlite-blobs-'));
});
afterEach(async () => {
  await home[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const held = async () => (await home.store.leases.list('image-blob:')).map(({ entity }) => entity).sort();

async function blobStore(): Promise<BlobStore> {
  const paths = { layersDir: 'layers', manifestsDir: 'manifests', configsDir: 'configs', tmpDir: 'tmp' };
  const directories = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, join(directory, path)]));
  for (const path of Object.values(directories)) await mkdir(path);
  return new BlobStore(directories as unknown as ConstructorParameters<typeof BlobStore>[0], {
    leases: home.store.leases,
  });
}

describe('an image whose disk is being built', () => {
  it('has its blobs held from its first layer until the disk is there', async () => {
    const blobs = await blobStore();
    let during: readonly string[] = [];
    const source: Pick<ImageSource, 'openLayer'> = {
      async *openLayer() {
        during = await held();
        yield new Uint8Array(1);
      },
    };
    const holding = holdingSource(source, IMAGE, async () => ({ blobs, store: home.store.images }));
    expect(await held()).toEqual([]);
    for await (const _chunk of holding.openLayer(IMAGE, LAYER));
    expect(during).toEqual(['a', 'c', 'd'].map((letter) => `image-blob:${digest(letter)}`));
    expect(await held()).toEqual(during);
    await holding[Symbol.asyncDispose]();
    expect(await held()).toEqual([]);
  });

  it('costs nothing when its disk is there already', async () => {
    const untouched = () => {
      throw new Error('not called');
    };
    const holding = holdingSource({ openLayer: untouched }, IMAGE, untouched);
    await holding[Symbol.asyncDispose]();
    expect(await held()).toEqual([]);
  });
});
