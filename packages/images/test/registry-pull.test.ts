import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource, hostPlatform } from '../src/index.js';
import { collect } from './collect.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

describe('pulling from a real registry', () => {
  it('by tag gives the image, its layers and a complete record, and says how far it is', async () => {
    const [registry, home, sample] = [await startDockerRegistry(), await temporaryHome(), await sampleImage()];
    await registry.push(sample.reference, 'team/app:v1');
    const store = memoryImageStore();
    await using source = createRegistryImageSource({ blobs: home, store });
    const progress: ImageProgress[] = [];
    const name = `${registry.host}/team/app:v1`;
    const image = await source.resolve(name, { onProgress: (event) => progress.push(event) });

    expect(image).toMatchObject({ reference: name, manifestDigest: sample.manifestDigest, platform: hostPlatform() });
    expect(image.config).toMatchObject({ cmd: ['/bin/sh'], env: ['PATH=/bin'], workingDir: '/' });
    expect(await Promise.all(image.layers.map((layer) => collect(source.openLayer(image, layer))))).toEqual(
      sample.tars,
    );
    expect(store.records.get(name)).toMatchObject({ complete: true, layers: image.layers.map(({ digest }) => digest) });
    expect(progress.at(0)).toEqual({ kind: 'resolve' });
    expect(progress.at(-1)).toEqual({ kind: 'done' });
    for (const { digest, size } of image.layers) {
      const downloads = progress.filter((event) => event.kind === 'download' && event.digest === digest);
      expect(downloads.at(0)).toMatchObject({ bytes: 0, totalBytes: size });
      expect(downloads.at(-1)).toMatchObject({ bytes: size, totalBytes: size });
    }
    expect((await imageFiles(home)).tmp).toEqual([]);
  });
});
