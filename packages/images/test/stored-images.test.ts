import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageRecord } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import {
  BlobStore,
  collectBlobs,
  findImage,
  inspectImage,
  listImages,
  loadImages,
  measureBlobs,
  removeImage,
} from '../src/index.js';
import { dockerConfig, hexOf, oldDockerArchive, writeArchive } from './archive-samples.js';
import { makeTar } from './make-tar.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const tarOf = (body: string) => makeTar([{ name: 'file', body: body.repeat(10_000) }]);

/** Two images that share a layer, one of them under two names. */
async function twoImages(cache: Parameters<typeof loadImages>[0]) {
  const [shared, own, other] = [await tarOf('shared'), await tarOf('own'), await tarOf('other')];
  const archive = await oldDockerArchive([
    { tars: [shared, own], tags: ['app:v1', 'app:stable'] },
    { tars: [shared, other], tags: ['quay.io/x/other:v2'] },
  ]);
  let clock = 1000;
  const loaded = await loadImages(cache, await writeArchive(archive), { now: () => ++clock });
  return { loaded, shared, own, other };
}

async function loadedCache() {
  const [home, store] = [await temporaryHome(), memoryImageStore()];
  const cache = { blobs: new BlobStore(home), store };
  return { home, cache, store, ...(await twoImages(cache)) };
}

describe('stored images', () => {
  it('are listed with what they share and what is theirs alone; names of one image share nothing', async () => {
    const { cache, home, shared, own, loaded } = await loadedCache();
    const allocated = async (kind: 'layers' | 'configs' | 'manifests', hex: string) =>
      (await stat(join(home[`${kind}Dir`], `sha256-${hex}`))).blocks * 512;
    const images = await listImages(cache);
    expect(images.map(({ record }) => record.reference).sort()).toEqual([
      'docker.io/library/app:stable',
      'docker.io/library/app:v1',
      'quay.io/x/other:v2',
    ]);
    const app = images.find(({ record }) => record.reference.endsWith('app:v1'))!;
    const documents =
      (await allocated('configs', app.record.configDigest.slice(7))) +
      (await allocated('manifests', app.record.manifestDigest.slice(7)));
    expect(app).toMatchObject({
      sharedBytes: await allocated('layers', hexOf(shared)),
      uniqueBytes: (await allocated('layers', hexOf(own))) + documents,
      missing: [],
    });
    expect(app.sizeBytes).toBe(app.sharedBytes + app.uniqueBytes);
    expect(loaded).toHaveLength(2);
  });

  it('that are not whole, or whose blobs are elsewhere, say what is missing', async () => {
    const { cache, store, own } = await loadedCache();
    await cache.blobs.remove('layers', `sha256:${hexOf(own)}`);
    const digest = `sha256:${'9'.repeat(64)}` as const;
    const elsewhere: ImageRecord = {
      reference: 'oci:/somewhere',
      manifestDigest: digest,
      configDigest: digest,
      layers: [digest],
      sizeBytes: 1,
      cachedAt: 1,
      complete: true,
    };
    await store.put(elsewhere);
    const images = new Map((await listImages(cache)).map((image) => [image.record.reference, image]));
    expect(images.get('docker.io/library/app:v1')?.missing).toEqual([`sha256:${hexOf(own)}`]);
    expect(images.get('oci:/somewhere')).toMatchObject({ sizeBytes: 0, missing: [digest] });
    await expect(inspectImage(cache, elsewhere)).rejects.toMatchObject({ code: 'not_found' });
    expect(await collectBlobs(cache)).toMatchObject({ removed: [] });
  });

  it('are found by name as a pull reads it, by search registry, and by the beginning of a digest', async () => {
    const { cache, loaded } = await loadedCache();
    const [app, other] = loaded as [(typeof loaded)[0], (typeof loaded)[0]];
    const found = async (text: string, searchHosts?: string[]) =>
      (await findImage(cache, text, searchHosts === undefined ? {} : { searchHosts }))?.manifestDigest;
    for (const text of ['app:v1', 'docker.io/library/app:v1', 'library/app:stable']) {
      expect(await found(text)).toBe(app.image.manifestDigest);
    }
    expect(await found('x/other:v2')).toBeUndefined();
    expect(await found('x/other:v2', ['ghcr.io', 'Quay.IO'])).toBe(other.image.manifestDigest);
    for (const digest of [app.image.configDigest, app.image.manifestDigest]) {
      for (const text of [digest, digest.slice(7, 19), digest.slice(0, 20)]) {
        expect(await found(text)).toBe(app.image.manifestDigest);
      }
    }
    for (const text of ['', 'abc', 'none', '../..', 'oci:', 'f'.repeat(64)]) expect(await found(text)).toBeUndefined();
  });

  it('whose digests begin alike are not chosen by accident', async () => {
    const store = memoryImageStore();
    const record = (reference: string, hex: string): ImageRecord => {
      const digest = `sha256:${hex.padEnd(64, '0')}` as const;
      return {
        reference,
        manifestDigest: digest,
        configDigest: digest,
        layers: [],
        sizeBytes: 1,
        cachedAt: 1,
        complete: true,
      };
    };
    for (const [name, hex] of [
      ['a', 'abcd1'],
      ['b', 'abcd2'],
      ['c', 'abcd2'],
    ] as const)
      await store.put(record(name, hex));
    await expect(findImage({ store }, 'abcd')).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'image', references: ['a', 'b', 'c'] },
    });
    expect((await findImage({ store }, 'abcd2'))?.reference).toBe('b');
  });

  it('tell their configuration, history and names', async () => {
    const { cache, store, shared, own } = await loadedCache();
    const details = await inspectImage(cache, store.records.get('docker.io/library/app:stable')!);
    expect(details).toMatchObject({
      references: expect.arrayContaining(['docker.io/library/app:v1', 'docker.io/library/app:stable']),
      created: '2020-01-02T03:04:05Z',
      history: [
        { createdBy: 'step 0', emptyLayer: false },
        { createdBy: 'step 1', emptyLayer: false },
      ],
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      image: { reference: 'docker.io/library/app:stable', config: { cmd: ['/bin/sh'] } },
      missing: [],
    });
    expect(details.image.layers.map(({ diffId }) => diffId)).toEqual(
      [shared, own].map((tar) => `sha256:${hexOf(tar)}`),
    );
    expect(details.sizeBytes).toBe(details.sharedBytes + details.uniqueBytes);
  });
});

describe('the garbage of the blob store', () => {
  it('is what no record names: removing one of two names frees nothing, removing both frees what was not shared', async () => {
    const { cache, home, own } = await loadedCache();
    const before = await measureBlobs(cache);
    expect(before).toMatchObject({
      total: { count: 7 },
      referenced: { count: 7 },
      unreferenced: { count: 0, bytes: 0 },
    });
    expect(await removeImage(cache, 'docker.io/library/app:v1')).toBe(true);
    expect(await removeImage(cache, 'docker.io/library/app:v1')).toBe(false);
    expect((await collectBlobs(cache)).removed).toEqual([]);
    await removeImage(cache, 'docker.io/library/app:stable');
    const unreferenced = (await measureBlobs(cache)).unreferenced;
    expect(unreferenced.count).toBe(3);
    expect(await collectBlobs(cache, { dryRun: true })).toMatchObject({ freedBytes: unreferenced.bytes });
    const collected = await collectBlobs(cache);
    expect(collected.freedBytes).toBe(unreferenced.bytes);
    expect(collected.removed.map(({ kind }) => kind).sort()).toEqual(['configs', 'layers', 'manifests']);
    expect(collected.removed.map(({ digest }) => digest)).toContain(`sha256:${hexOf(own)}`);
    expect((await imageFiles(home)).layers).toHaveLength(2);
    expect((await measureBlobs(cache)).total.bytes).toBe(before.total.bytes - unreferenced.bytes);
  });

  it('is kept when it is young, asked to be kept, or not of ours', async () => {
    const { cache, home, store, own } = await loadedCache();
    store.records.clear();
    await writeFile(join(home.layersDir, 'notes.txt'), 'x');
    await mkdir(join(home.layersDir, `sha256-${'0'.repeat(64)}`));
    expect((await collectBlobs(cache, { olderThan: 1000 })).removed).toEqual([]);
    const keep = [`sha256:${hexOf(own)}` as const];
    expect((await collectBlobs(cache, { keep })).removed).toHaveLength(6);
    const left = ['notes.txt', `sha256-${'0'.repeat(64)}`, `sha256-${hexOf(own)}`];
    expect((await readdir(home.layersDir)).sort()).toEqual(left.sort());
    await expect(collectBlobs(cache, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('keeps the index a reference pins, so that it resolves offline', async () => {
    const { cache, store } = await loadedCache();
    const pinned = await cache.blobs.putDocument('manifests', Buffer.from('{}'));
    const [record] = [...store.records.values()] as [ImageRecord];
    await store.put({ ...record, reference: `docker.io/library/app@${pinned}` });
    expect((await collectBlobs(cache)).removed).toEqual([]);
  });

  it('is not taken when it became needed between the look and the removal', async () => {
    const { cache, store } = await loadedCache();
    const records = [...store.records.values()];
    store.records.clear();
    let lists = 0;
    // The first look finds nothing recorded; then a load ends.
    const late = { ...store, list: async () => (++lists === 1 ? [] : records) };
    expect(await collectBlobs({ ...cache, store: late })).toEqual({ removed: [], freedBytes: 0, inUse: [] });
    expect(lists).toBe(8);
  });
});

it('a configuration of another platform can be inspected', async () => {
  const cache = { blobs: new BlobStore(await temporaryHome()), store: memoryImageStore() };
  const platform = { os: 'linux', architecture: 's390x' };
  const tar = await tarOf('x');
  const config = dockerConfig([tar], platform);
  const manifest = JSON.stringify([{ Config: 'config', RepoTags: ['app:v1'], Layers: ['layer'] }]);
  const file = await writeArchive([
    { name: 'layer', body: tar },
    { name: 'config', body: config },
    { name: 'manifest.json', body: manifest },
  ]);
  await expect(loadImages(cache, file)).rejects.toMatchObject({ code: 'platform_mismatch' });
  const [loaded] = await loadImages(cache, file, { platform });
  const record = cache.store.records.get(loaded!.references[0]!)!;
  expect((await inspectImage(cache, record)).image.platform).toEqual(platform);
});
