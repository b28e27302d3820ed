import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource, hostPlatform } from '../src/index.js';
import { collect, hash, hashes } from './collect.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

/** A registry with one image, and a source over an empty home. */
async function pushedSample(options: Parameters<typeof sampleImage>[0] = {}) {
  const [registry, home, sample] = [await startDockerRegistry(), await temporaryHome(), await sampleImage(options)];
  await registry.push(sample.reference, 'team/app:v1');
  const store = memoryImageStore();
  const source = createRegistryImageSource({ blobs: home, store });
  return { registry, home, sample, store, source, name: `${registry.host}/team/app:v1` };
}

describe('pulling from a real registry', () => {
  it('by tag gives the image, its layers and a complete record, and says how far it is', async () => {
    const { home, sample, store, source, name } = await pushedSample();
    const progress: ImageProgress[] = [];
    const image = await source.resolve(name, { onProgress: (event) => progress.push(event) });

    expect(image).toMatchObject({ reference: name, manifestDigest: sample.manifestDigest, platform: hostPlatform() });
    expect(image.config).toMatchObject({ cmd: ['/bin/sh'], env: ['PATH=/bin'], workingDir: '/' });
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
    expect(store.records.get(name)).toMatchObject({ complete: true, layers: image.layers.map(({ digest }) => digest) });
    expect(progress.at(0)).toEqual({ kind: 'resolve' });
    expect(progress.at(-1)).toEqual({ kind: 'done' });
    const announced = progress.slice(1, 1 + image.layers.length);
    expect(announced.map(({ kind, bytes }) => [kind, bytes])).toEqual(image.layers.map(() => ['download', 0]));
    for (const { digest, size } of image.layers) {
      const own = progress.filter((event) => event.digest === digest);
      expect(own.map(({ kind }) => kind).filter((kind, index, all) => kind !== all[index - 1])).toEqual([
        'download',
        'verify',
        'done',
      ]);
      const downloads = own.filter(({ kind }) => kind === 'download');
      expect(downloads.at(0)).toMatchObject({ bytes: 0, totalBytes: size });
      expect(downloads.at(-1)).toMatchObject({ bytes: size, totalBytes: size });
    }
    const totalBytes = image.layers.reduce((sum, { size }) => sum + size, 0);
    const sums = progress.flatMap(({ image: totals }) => totals ?? []);
    expect(sums.at(0)).toEqual({ layers: 2, layersDone: 0, bytes: 0, totalBytes, cachedBytes: 0 });
    expect(sums.at(-1)).toEqual({ layers: 2, layersDone: 2, bytes: totalBytes, totalBytes, cachedBytes: 0 });
    const files = await imageFiles(home);
    expect(files.tmp).toEqual([]);
    for (const layer of files.layers) expect((await stat(join(home.layersDir, layer))).mode & 0o777).toBe(0o600);
    await source.close();
  });

  it('by digest needs no tag, and resolves again without the registry', async () => {
    const { registry, home, sample } = await pushedSample();
    const source = createRegistryImageSource({ blobs: home });
    const name = `${registry.host}/team/app@${sample.manifestDigest}`;
    const image = await source.resolve(name);
    expect(image.manifestDigest).toBe(sample.manifestDigest);
    expect(await source.resolve(name, { pull: 'never' })).toEqual(image);
    await expect(source.resolve(`${registry.host}/team/app:v1`, { pull: 'never' })).rejects.toMatchObject({
      code: 'image_not_found',
    });
  });

  it('asks the registry no more for a cached tag, unless told to always pull', async () => {
    const { registry, source, name, sample } = await pushedSample();
    const other = await sampleImage();
    await source.resolve(name);
    await registry.push(other.reference, 'team/app:v1');
    expect((await source.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    expect((await source.resolve(name, { pull: 'always' })).manifestDigest).toBe(other.manifestDigest);
    expect((await source.resolve(name, { pull: 'never' })).manifestDigest).toBe(other.manifestDigest);
  });

  it('fetches again what is missing from the cache, although the record says complete', async () => {
    const { home, source, name } = await pushedSample();
    const image = await source.resolve(name);
    const before = await imageFiles(home);
    await rm(join(home.layersDir, before.layers[0]!));
    await truncate(join(home.layersDir, before.layers[1]!), 10);
    await rm(join(home.configsDir, before.configs[0]!));
    await expect(source.resolve(name, { pull: 'never' })).rejects.toMatchObject({ code: 'image_not_found' });
    expect(await source.resolve(name)).toEqual(image);
    expect(await imageFiles(home)).toEqual(before);
    await Promise.all(image.layers.map((layer) => collect(source.openLayer(image, layer))));
  });

  it('of a layer damaged in the cache: opening it fetches it again, but not for who asked to stay offline', async () => {
    const { home, source, name, sample } = await pushedSample();
    const image = await source.resolve(name);
    const offline = await source.resolve(name, { pull: 'never' });
    const path = join(home.layersDir, image.layers[0]!.digest.replace(':', '-'));
    const bytes = await readFile(path);
    bytes[1000]! ^= 0xff;
    await writeFile(path, bytes);
    await expect(collect(source.openLayer(offline, offline.layers[0]!))).rejects.toMatchObject({
      code: expect.stringMatching(/digest_mismatch|layer_invalid/),
    });
    await writeFile(path, bytes);
    expect(hash(await collect(source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
  });

  it('hashes a blob found in the cache before it is reused by a pull', async () => {
    const { registry, home, name, sample } = await pushedSample();
    const image = await createRegistryImageSource({ blobs: home }).resolve(name);
    const path = join(home.layersDir, image.layers[0]!.digest.replace(':', '-'));
    const bytes = await readFile(path);
    bytes[1000]! ^= 0xff;
    await writeFile(path, bytes);
    const fresh = createRegistryImageSource({ blobs: home });
    const again = await fresh.resolve(`${registry.host}/team/app:v1`);
    expect(hash(await collect(fresh.openLayer(again, again.layers[0]!)))).toBe(hash(sample.tars[0]!));
  });

  it('of an index chooses the platform; one that is not there lists those that are', async () => {
    const registry = await startDockerRegistry();
    const home = await temporaryHome();
    const [amd64, arm64] = await Promise.all(
      ['amd64', 'arm64'].map((architecture) => sampleImage({ layers: 1, platform: { os: 'linux', architecture } })),
    );
    await registry.push(amd64!.reference, 'multi:amd64');
    await registry.push(arm64!.reference, 'multi:arm64');
    const entries = await Promise.all(
      [amd64!, arm64!].map(async ({ directory }) => JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'))),
    );
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: entries.flatMap((entry) => entry.manifests),
    };
    const put = await fetch(`http://${registry.host}/v2/multi/manifests/all`, {
      method: 'PUT',
      headers: { 'content-type': index.mediaType },
      body: JSON.stringify(index),
    });
    expect(put.status).toBe(201);
    const source = createRegistryImageSource({ blobs: home, store: memoryImageStore() });
    const name = `${registry.host}/multi:all`;
    for (const [sample, architecture] of [
      [amd64!, 'amd64'],
      [arm64!, 'arm64'],
    ] as const) {
      const image = await source.resolve(name, { platform: { os: 'linux', architecture } });
      expect(image).toMatchObject({ manifestDigest: sample.manifestDigest, platform: { architecture } });
    }
    await expect(source.resolve(name, { platform: { os: 'linux', architecture: 'riscv64' } })).rejects.toMatchObject({
      code: 'platform_mismatch',
      details: { available: ['linux/amd64', 'linux/arm64'] },
    });
    await expect(
      source.resolve(`${registry.host}/multi:arm64`, { platform: { os: 'linux', architecture: 'amd64' } }),
    ).rejects.toMatchObject({
      code: 'platform_mismatch',
      message: expect.stringContaining('for another architecture'),
    });
  });

  it('of a tag asks again for a variant that the cached image does not run on', async () => {
    const [home, store] = [await temporaryHome(), memoryImageStore()];
    const arm = (variant: string) => ({ os: 'linux', architecture: 'arm', variant });
    const registry = await startDockerRegistry();
    const sample = await sampleImage({ layers: 1, platform: arm('v7') });
    await registry.push(sample.reference, 'app:v1');
    const name = `${registry.host}/app:v1`;
    await using source = createRegistryImageSource({ blobs: home, store });
    await source.resolve(name, { platform: arm('v7') });
    for (const variant of ['v7', 'v8']) {
      const image = await source.resolve(name, { platform: arm(variant), pull: 'never' });
      expect(image.platform).toEqual(arm('v7'));
    }
    const older = source.resolve(name, { platform: arm('v6'), pull: 'never' });
    await expect(older).rejects.toMatchObject({ code: 'image_not_found' });
  });

  it('of a Docker schema 2 image with uncompressed layers works as with OCI ones', async () => {
    const [registry, home, sample] = [await startDockerRegistry(), await temporaryHome(), await sampleImage()];
    await registry.push(sample.reference, 'app:docker', ['--format', 'v2s2', '--dest-compress-format', 'gzip']);
    const source = createRegistryImageSource({ blobs: home });
    const image = await source.resolve(`${registry.host}/app:docker`);
    expect(image.layers[0]!.mediaType).toContain('docker');
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
  });

  it('of zstd layers works as with gzip ones', async () => {
    const [registry, home, sample] = [await startDockerRegistry(), await temporaryHome(), await sampleImage()];
    await registry.push(sample.reference, 'app:zstd', ['--dest-compress', '--dest-compress-format', 'zstd']);
    const source = createRegistryImageSource({ blobs: home });
    const image = await source.resolve(`${registry.host}/app:zstd`);
    expect(image.layers[0]!.mediaType).toContain('zstd');
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
  });

  it('of an image or a tag that does not exist says so, and so does a registry that is not there', async () => {
    const { registry, source } = await pushedSample();
    for (const name of ['team/app:v2', 'no/such:v1']) {
      await expect(source.resolve(`${registry.host}/${name}`)).rejects.toMatchObject({
        code: 'image_not_found',
        details: { field: 'image', status: 404 },
      });
    }
    await expect(source.resolve('127.0.0.1:1/app')).rejects.toMatchObject({
      code: 'network_unavailable',
      hint: expect.stringContaining('network'),
      details: { reason: 'ECONNREFUSED' },
    });
    await expect(source.resolve('no-such-host.invalid/app')).rejects.toMatchObject({ code: 'network_unavailable' });
  });

  it('refuses a layer whose bytes in the registry are not its digest, and leaves nothing', async () => {
    const { registry, home, source, name, store } = await pushedSample();
    const manifest = JSON.parse(
      (await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`])).stdout,
    );
    const { digest } = manifest.layers[0];
    const bytes = await readFile(registry.blobFile(digest));
    bytes[5000]! ^= 1;
    await writeFile(registry.blobFile(digest), bytes);
    await expect(source.resolve(name)).rejects.toMatchObject({ code: 'digest_mismatch', details: { digest } });
    expect((await imageFiles(home)).tmp).toEqual([]);
    expect((await imageFiles(home)).layers).not.toContain(digest.replace(':', '-'));
    expect(store.records.size).toBe(0);
  });

  it('refuses a layer that is shorter in the registry than its manifest says', async () => {
    const { registry, home, source, name } = await pushedSample();
    const manifest = JSON.parse(
      (await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`])).stdout,
    );
    await truncate(registry.blobFile(manifest.layers[1].digest), 1000);
    await expect(source.resolve(name)).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('aborted in the middle leaves no half blob and no record, and can be done again', async () => {
    const { home, source, name, store } = await pushedSample({ layers: 4, layerBytes: 3_000_000 });
    const controller = new AbortController();
    const pull = source.resolve(name, {
      signal: controller.signal,
      onProgress: ({ kind, bytes = 0 }) => {
        if (kind === 'download' && bytes > 0) controller.abort();
      },
    });
    await expect(pull).rejects.toMatchObject({ code: 'aborted' });
    expect((await imageFiles(home)).tmp).toEqual([]);
    expect(store.records.size).toBe(0);
    const image = await source.resolve(name);
    expect((await imageFiles(home)).layers.sort()).toEqual(
      image.layers.map(({ digest }) => digest.replace(':', '-')).sort(),
    );
  });

  it('at the same time, twice, fetches each layer once; one caller may give up without hurting the other', async () => {
    const { source, name } = await pushedSample({ layers: 3, layerBytes: 2_000_000 });
    const controller = new AbortController();
    const fetched: string[] = [];
    const first = source.resolve(name, {
      signal: controller.signal,
      onProgress: ({ kind }) => {
        if (kind === 'download') controller.abort();
      },
    });
    const second = source.resolve(name, {
      onProgress: ({ kind, digest, bytes, totalBytes }) => {
        if (kind === 'download' && bytes === totalBytes) fetched.push(String(digest));
      },
    });
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    const image = await second;
    expect(fetched.sort()).toEqual(image.layers.map(({ digest }) => digest).sort());
  });

  it('shares layers between images and fetches only new ones', async () => {
    const { registry, home, source, name, sample } = await pushedSample();
    await source.resolve(name);
    await run('skopeo', ['copy', '--quiet', sample.reference, `oci:${sample.directory}-copy:latest`]);
    await registry.push(`oci:${sample.directory}-copy:latest`, 'other/name:v1');
    const progress: ImageProgress[] = [];
    await source.resolve(`${registry.host}/other/name:v1`, { onProgress: (event) => progress.push(event) });
    expect(progress.filter(({ kind, bytes = 0 }) => kind === 'download' && bytes > 0)).toEqual([]);
    const sums = progress.flatMap(({ image }) => image ?? []).at(-1)!;
    expect(sums).toMatchObject({ layers: 2, layersDone: 2, bytes: sums.totalBytes, cachedBytes: sums.totalBytes });
    expect(await readdir(home.layersDir)).toHaveLength(2);
  });

  it('of a name without a host tries the search registries in order and lists every failure', async () => {
    const [empty, full, home] = [await startDockerRegistry(), await startDockerRegistry(), await temporaryHome()];
    const sample = await sampleImage({ layers: 1 });
    await full.push(sample.reference, 'app:v1');
    const registries = [empty, full].map(({ host }) => ({ host, search: true }));
    const source = createRegistryImageSource({ blobs: home, registries });
    expect((await source.resolve('app:v1')).reference).toBe(`${full.host}/app:v1`);
    await expect(source.resolve('app:v2')).rejects.toMatchObject({
      code: 'image_not_found',
      message: expect.stringMatching(new RegExp(`- ${empty.host}/app:v2: .*\n- ${full.host}/app:v2: `)),
    });
  });
});
