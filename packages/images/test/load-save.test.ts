import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import {
  BlobStore,
  createRegistryImageSource,
  imageArchive,
  type LoadedImage,
  loadImages,
  type SavedImage,
  saveImages,
} from '../src/index.js';
import { hexOf, layoutMembers, type Member, oldDockerArchive, writeArchive } from './archive-samples.js';
import { collect, hash, hashes } from './collect.js';
import { makeTar } from './make-tar.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

async function emptyCache() {
  const [home, store] = [await temporaryHome(), memoryImageStore()];
  return { home, store, blobs: new BlobStore(home) };
}

/** An archive skopeo made. */
async function skopeoArchive(kind: 'oci-archive' | 'docker-archive', tag: string) {
  const sample = await sampleImage();
  const file = join(await temporaryDirectory(), 'image.tar');
  await run('skopeo', ['copy', '--quiet', sample.reference, `${kind}:${file}:${tag}`]);
  return { ...sample, file };
}

/** A layout as an archive whose entries of `index.json` are changed. */
async function namedArchive(directory: string, change: (entry: Record<string, unknown>) => object[]) {
  const members: Member[] = await layoutMembers(directory);
  const index = members.find(({ name }) => name === 'index.json')!;
  const document = JSON.parse(String(index.body));
  index.body = JSON.stringify({ ...document, manifests: document.manifests.flatMap(change) });
  return writeArchive(members);
}

const saved = (loaded: readonly LoadedImage[]): SavedImage[] =>
  loaded.map(({ image, references }) => ({ ...image, names: references }));

describe('load', () => {
  it('takes an OCI archive of skopeo in, under its name, and the name runs from the cache', async () => {
    const [cache, sample] = [await emptyCache(), await skopeoArchive('oci-archive', 'app:v1')];
    const progress: ImageProgress[] = [];
    const loaded = await loadImages(cache, sample.file, { onProgress: (told) => void progress.push(told) });
    expect(loaded).toMatchObject([
      { references: ['docker.io/library/app:v1'], named: true, image: { manifestDigest: sample.manifestDigest } },
    ]);
    expect([progress.at(0)?.kind, progress.at(-1)?.kind]).toEqual(['resolve', 'done']);
    await using source = createRegistryImageSource(cache);
    const image = await source.resolve('app:v1', { pull: 'never' });
    expect(image.manifestDigest).toBe(sample.manifestDigest);
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
    expect((await imageFiles(cache.home)).tmp).toEqual([]);
  });

  it('takes in what docker save wrote, every image and every tag of it, also from a stream', async () => {
    const [cache, shared, own] = [
      await emptyCache(),
      await makeTar([{ name: 'a', body: 'a' }]),
      await makeTar([{ name: 'b', body: 'b' }]),
    ];
    const file = await writeArchive(
      await oldDockerArchive([
        { tars: [shared], tags: ['app:v1', 'app:stable'] },
        { tars: [shared, own], tags: ['quay.io/x/other:v2'] },
      ]),
    );
    await writeFile(file, gzipSync(await readFile(file)));
    const loaded = await loadImages(cache, createReadStream(file), { now: () => 5 });
    expect(loaded.map(({ references }) => references)).toEqual([
      ['docker.io/library/app:v1', 'docker.io/library/app:stable'],
      ['quay.io/x/other:v2'],
    ]);
    expect([...cache.store.records.values()]).toMatchObject([
      { reference: 'docker.io/library/app:v1', complete: true, cachedAt: 5, layers: [`sha256:${hexOf(shared)}`] },
      { reference: 'docker.io/library/app:stable' },
      { reference: 'quay.io/x/other:v2', layers: [`sha256:${hexOf(shared)}`, `sha256:${hexOf(own)}`] },
    ]);
    expect((await imageFiles(cache.home)).layers).toHaveLength(2);
  });

  it('names what the archive does not: by the name given, else by its digest', async () => {
    const sample = await sampleImage();
    const tagged = await namedArchive(sample.directory, (entry) => [entry]);
    const bare = await namedArchive(sample.directory, (entry) => [{ ...entry, annotations: undefined }]);
    const cache = await emptyCache();
    expect(await loadImages(cache, tagged, { name: 'my/app' })).toMatchObject([
      { references: ['docker.io/my/app:latest'], named: true },
    ]);
    const unnamed = `localhost/loaded:${sample.manifestDigest.slice(7, 19)}`;
    for (const file of [tagged, bare]) {
      expect(await loadImages(cache, file)).toMatchObject([{ references: [unnamed], named: false }]);
    }
    await using source = createRegistryImageSource(cache);
    expect((await source.resolve(unnamed, { pull: 'never' })).manifestDigest).toBe(sample.manifestDigest);
    await expect(loadImages(cache, bare, { name: 'my/app:v1' })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'name' },
    });
  });

  it('takes of an archive for several platforms the wanted one, and passes attestations over', async () => {
    const sample = await sampleImage();
    const other = await sampleImage({ platform: { os: 'linux', architecture: 's390x' } });
    const entries = await Promise.all(
      [other, sample].map(async ({ directory }) => {
        const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
        return { ...index.manifests[0], annotations: { 'io.containerd.image.name': 'docker.io/library/app:v1' } };
      }),
    );
    const attestation = { ...entries[0], platform: { os: 'unknown', architecture: 'unknown' } };
    const members: Member[] = [
      ...(await layoutMembers(other.directory)),
      ...(await layoutMembers(sample.directory)).filter(({ name }) => name.startsWith('blobs/')),
    ];
    members.find(({ name }) => name === 'index.json')!.body = JSON.stringify({
      schemaVersion: 2,
      manifests: [attestation, ...entries],
    });
    const file = await writeArchive(members);
    const cache = await emptyCache();
    expect(await loadImages(cache, file)).toMatchObject([{ image: { manifestDigest: sample.manifestDigest } }]);
    const platform = { os: 'linux', architecture: 's390x' };
    expect(await loadImages(cache, file, { platform })).toMatchObject([
      { image: { manifestDigest: other.manifestDigest } },
    ]);
    const missing = loadImages(cache, file, { platform: { os: 'linux', architecture: 'pdp11' } });
    await expect(missing).rejects.toMatchObject({ code: 'platform_mismatch' });
  });

  it('is all or nothing: one damaged image, and no name of the archive is recorded', async () => {
    const [good, bad] = [await makeTar([{ name: 'a', body: 'a' }]), await makeTar([{ name: 'b', body: 'b' }])];
    const members = await oldDockerArchive([
      { tars: [good], tags: ['good:v1'] },
      { tars: [bad], tags: ['bad:v1'] },
    ]);
    const damaged = members.findLast(({ name }) => name.endsWith('/layer.tar'))!;
    damaged.body = Buffer.concat([bad, Buffer.alloc(512)]);
    const cache = await emptyCache();
    await expect(loadImages(cache, await writeArchive(members))).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(cache.store.records.size).toBe(0);
    expect(await imageFiles(cache.home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('refuses what is missing, cut off, no archive, or empty', async () => {
    const [cache, { file }] = [await emptyCache(), await skopeoArchive('oci-archive', 'app:v1')];
    await expect(loadImages(cache, `${file}.none`)).rejects.toMatchObject({ code: 'image_not_found' });
    await expect(loadImages(cache, createReadStream(file, { end: 100_000 }))).rejects.toMatchObject({
      code: 'image_invalid',
    });
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(2000, 'x')]) {
      await expect(loadImages(cache, PassThrough.from([bytes]))).rejects.toMatchObject({ code: 'image_invalid' });
    }
    expect(await imageFiles(cache.home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('aborted leaves nothing, also while a stream says nothing', async () => {
    const [cache, { file }] = [await emptyCache(), await skopeoArchive('oci-archive', 'app:v1')];
    const controller = new AbortController();
    const onProgress = ({ kind }: ImageProgress) => kind === 'verify' && controller.abort();
    await expect(loadImages(cache, file, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: 'aborted',
    });
    const silent = new AbortController();
    const stream = new PassThrough();
    const loading = loadImages(cache, stream, { signal: silent.signal });
    stream.write((await readFile(file)).subarray(0, 70_000), () => silent.abort());
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
    expect(cache.store.records.size).toBe(0);
    expect(await imageFiles(cache.home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });
});

describe('save', () => {
  async function loadedCache() {
    const [cache, sample] = [await emptyCache(), await skopeoArchive('oci-archive', 'app:v1')];
    const loaded = await loadImages(cache, sample.file);
    return { cache, sample, images: saved(loaded), directory: await temporaryDirectory() };
  }

  it('writes what skopeo reads as an OCI archive, with the same digest, and as one of docker, with the same image id', async () => {
    const { cache, sample, images, directory } = await loadedCache();
    const file = join(directory, 'saved.tar');
    await saveImages(cache, images, file);
    expect((await stat(file)).mode & 0o7777).toBe(0o600);
    await run('skopeo', ['copy', '--quiet', `oci-archive:${file}:v1`, `dir:${directory}/dir`]);
    expect(hash(await readFile(join(directory, 'dir', 'manifest.json')))).toBe(sample.manifestDigest.slice(7));
    const { stdout } = await run('skopeo', ['inspect', '--config', '--raw', `docker-archive:${file}:app:v1`]);
    const [image] = images as unknown as [{ configDigest: string }];
    expect(`sha256:${hexOf(stdout)}`).toBe(image.configDigest);
    await run('skopeo', ['copy', '--quiet', `docker-archive:${file}:app:v1`, `oci:${directory}/oci:v1`]);
    const listed = await run('tar', ['-tf', file]);
    expect(listed.stdout.split('\n').slice(0, 5)).toEqual([
      'oci-layout',
      'index.json',
      'manifest.json',
      'blobs/',
      'blobs/sha256/',
    ]);
  });

  it('and load give the same digests, and the same images the same bytes', async () => {
    const { cache, images, directory } = await loadedCache();
    const other = await loadImages(
      cache,
      await writeArchive(
        await oldDockerArchive([{ tars: [await makeTar([{ name: 'x', body: 'x' }])], tags: ['other:v1', 'other:v2'] }]),
      ),
    );
    const all = [...images, ...saved(other)];
    const [first, second] = [join(directory, 'first.tar'), join(directory, 'second.tar')];
    const { bytes } = await saveImages(cache, all, first);
    expect((await stat(first)).size).toBe(bytes);
    const again = await emptyCache();
    const loaded = await loadImages(again, first);
    expect(saved(loaded).map(({ manifestDigest, names }) => ({ manifestDigest, names }))).toEqual(
      all.map(({ manifestDigest, names }) => ({ manifestDigest, names })),
    );
    expect(new Set(again.store.records.keys())).toEqual(new Set(cache.store.records.keys()));
    await saveImages(again, saved(loaded), second);
    expect(hash(await readFile(second))).toBe(hash(await readFile(first)));
    await run('tar', ['-tf', first]);
  });

  it('names of one image share its blobs, and what has no tag is saved without a name', async () => {
    const { cache, images, directory } = await loadedCache();
    const [image] = images as [SavedImage];
    const names = ['app:v1', `app@${image.manifestDigest}`, 'oci-archive:/x.tar', 'quay.io/a/b:v2'];
    const file = join(directory, 'named.tar');
    await saveImages(cache, [{ ...image, names }, image], file);
    const { stdout } = await run('tar', ['-xOf', file, 'manifest.json']);
    expect(JSON.parse(stdout)).toMatchObject([{ RepoTags: ['app:v1', 'quay.io/a/b:v2'] }]);
    const index = JSON.parse((await run('tar', ['-xOf', file, 'index.json'])).stdout);
    expect(index.manifests).toMatchObject([
      { annotations: { 'io.containerd.image.name': 'docker.io/library/app:v1' } },
      { annotations: { 'io.containerd.image.name': 'quay.io/a/b:v2', 'org.opencontainers.image.ref.name': 'v2' } },
    ]);
    await saveImages(cache, [{ ...image, names: ['oci:/somewhere'] }], file);
    expect(await loadImages(await emptyCache(), file)).toMatchObject([{ named: false }]);
  });

  it('to a stream waits for it, and does not end it', async () => {
    const { cache, images } = await loadedCache();
    const stream = new PassThrough({ highWaterMark: 1 });
    const reading = collect(stream);
    const { bytes } = await saveImages(cache, images, stream);
    expect(stream.writableEnded).toBe(false);
    stream.end();
    const written = await reading;
    expect(written.length).toBe(bytes);
    expect(hash(written)).toBe(hash(await collect(imageArchive(cache, images))));
  });

  it('to a stream that closes or fails ends with an error', async () => {
    const { cache, images } = await loadedCache();
    for (const end of [
      (stream: PassThrough) => stream.destroy(),
      (stream: PassThrough) => stream.destroy(new Error('EPIPE')),
    ]) {
      const stream = new PassThrough({ highWaterMark: 1 });
      const saving = saveImages(cache, images, stream);
      stream.once('readable', () => end(stream));
      await expect(saving).rejects.toMatchObject({ code: 'storage_error' });
    }
    const closed = new PassThrough().destroy();
    await expect(saveImages(cache, images, closed)).rejects.toMatchObject({ code: 'storage_error' });
    const controller = new AbortController();
    const stuck = new PassThrough({ highWaterMark: 1 });
    const saving = saveImages(cache, images, stuck, { signal: controller.signal });
    await once(stuck, 'readable');
    controller.abort();
    await expect(saving).rejects.toMatchObject({ code: 'aborted' });
  });

  it('replaces a file whole or not at all, follows a link to one, and leaves devices what they are', async () => {
    const { cache, sample, images, directory } = await loadedCache();
    const file = join(directory, 'target.tar');
    await writeFile(file, 'old');
    await symlink(file, join(directory, 'link'));
    const layer = join(cache.home.layersDir, (await imageFiles(cache.home)).layers[0]!);
    const bytes = await readFile(layer);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(layer, bytes);
    await expect(saveImages(cache, images, file)).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(await readFile(file, 'utf8')).toBe('old');
    // The damaged blob is gone, so it is known before the first byte now.
    await expect(saveImages(cache, images, file)).rejects.toMatchObject({ code: 'not_found' });
    await expect(imageArchive(cache, images).next()).rejects.toMatchObject({ code: 'not_found' });
    expect(await readdir(directory)).toEqual(['link', 'target.tar']);
    await loadImages(cache, sample.file);
    await saveImages(cache, images, join(directory, 'link'));
    expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true);
    expect((await stat(file)).size).toBeGreaterThan(100_000);
    await saveImages(cache, images, '/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    await expect(saveImages(cache, images, directory)).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'to' },
    });
    await expect(saveImages(cache, images, join(directory, 'no', 'x.tar'))).rejects.toMatchObject({
      code: 'storage_error',
    });
    await expect(saveImages(cache, [], file)).rejects.toMatchObject({ code: 'invalid_argument' });
    await rm(file);
  });
});
