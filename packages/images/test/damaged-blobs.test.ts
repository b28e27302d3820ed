import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { BlobStore, createLocalImageSource, createRegistryImageSource } from '../src/index.js';
import { collect, hash } from './collect.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

/** A home, and sources over it that know nothing of each other. */
async function sharedHome() {
  const [home, store] = [await temporaryHome(), memoryImageStore()];
  const cache = () => ({ blobs: new BlobStore(home), store });
  return { home, cache, source: () => createRegistryImageSource({ ...cache(), dockerConfig: false }) };
}

describe('a blob that was damaged on disk without changing its size', () => {
  async function pulledAndDamaged() {
    const [registry, sample, shared] = [await startDockerRegistry(), await sampleImage(), await sharedHome()];
    await registry.push(sample.reference, 'app:v1');
    const name = `${registry.host}/app:v1`;
    await using source = shared.source();
    const image = await source.resolve(name);
    const file = join(shared.home.layersDir, image.layers[1]!.digest.replace(':', '-'));
    const good = await readFile(file);
    const bad = Buffer.from(good);
    bad[bad.length >> 1]! ^= 1;
    await writeFile(file, bad);
    return { ...shared, registry, sample, name, image, file, good };
  }

  it('is fetched again by a pull', async () => {
    const { source, name, file, good } = await pulledAndDamaged();
    await using again = source();
    await again.resolve(name, { pull: 'always' });
    expect((await readFile(file)).equals(good)).toBe(true);
  });

  it('is fetched again while its layer is opened, and the reader gets the right bytes', async () => {
    const { source, name, file, good, sample } = await pulledAndDamaged();
    await using again = source();
    const image = await again.resolve(name);
    expect(hash(await collect(again.openLayer(image, image.layers[1]!)))).toBe(hash(sample.tars[1]!));
    expect((await readFile(file)).equals(good)).toBe(true);
  });

  it('is an error, found before the end of its stream, when the registry is not to be asked', async () => {
    const { source, name, registry } = await pulledAndDamaged();
    await using again = source();
    const image = await again.resolve(name, { pull: 'never' });
    const damage = expect.objectContaining({ code: expect.stringMatching(/digest_mismatch|layer_invalid/) });
    await expect(collect(again.openLayer(image, image.layers[1]!))).rejects.toEqual(damage);
    await registry.stop();
    // It is gone, so the image is no longer whole.
    await expect(again.resolve(name, { pull: 'never' })).rejects.toMatchObject({ code: 'image_not_found' });
  });

  it('is read from its archive again', async () => {
    const shared = await sharedHome();
    const sample = await sampleImage();
    await run('tar', ['-cf', `${sample.directory}.tar`, '-C', sample.directory, '.']);
    const image = await createLocalImageSource(shared.cache()).resolve(`oci-archive:${sample.directory}.tar`);
    const file = join(shared.home.layersDir, image.layers[0]!.digest.replace(':', '-'));
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(file, bytes);
    const source = createLocalImageSource(shared.cache());
    expect(hash(await collect(source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
  });
});
