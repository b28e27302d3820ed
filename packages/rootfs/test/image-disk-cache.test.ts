import { readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createImageDiskCache,
  ext4Converter,
  type ImageConverter,
  imageDiskKey,
  imageDiskLeaseEntity,
} from '../src/index.js';
import { checkFileSystem } from './support/host.js';
import { createTestHome, testImage } from './support/test-home.js';

const MIB = 1024 ** 2;
/** A box of half a GiB, and the disk it stands on. */
const SIZE = { sizeBytes: 512 * MIB };
const DISK = { sizeBytes: 256 * MIB };

describe('the image-disk cache', () => {
  it('builds a disk once and finds it again under the digests of its layers', async () => {
    const home = await createTestHome();
    const { image, source, counts } = testImage([[{ name: 'a', content: 'a' }], [{ name: 'b', content: 'b' }]]);
    const disk = await home.cache.ensure({ image, source, ...SIZE });
    await checkFileSystem(disk.path);
    expect(await readdir(home.diskImagesDir)).toEqual([`${disk.key}.ext4`]);
    expect((await stat(disk.path)).mode & 0o777).toBe(0o600);
    expect(disk).toMatchObject({ ...home.cache.locate(image, SIZE.sizeBytes), ...DISK });
    expect(await home.cache.ensure({ image, source, ...SIZE })).toMatchObject({ path: disk.path, ...DISK });
    expect(counts.opened).toBe(2);
    expect(await readdir(home.tmpDir)).toEqual([]);
  });

  it('makes directories it misses', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    await rm(home.diskImagesDir, { recursive: true });
    await home.cache.ensure({ image, source, ...SIZE });
    expect((await stat(home.diskImagesDir)).mode & 0o777).toBe(0o700);
  });

  it('keys by content: the order of layers, the layout and the version of the converter count, the image does not', () => {
    const one = testImage([[{ name: 'a' }], [{ name: 'b' }]]).image;
    const key = imageDiskKey(one, ext4Converter, 'fit');
    const other = { ...one, reference: 'other', manifestDigest: `sha256:${'0'.repeat(64)}` };
    expect(imageDiskKey(other, ext4Converter, 'fit')).toBe(key);
    const others = [
      imageDiskKey({ ...one, layers: [...one.layers].reverse() }, ext4Converter, 'fit'),
      imageDiskKey(one, ext4Converter, 'fixed'),
      imageDiskKey(one, { ...ext4Converter, version: 99 }, 'fit'),
    ];
    expect(new Set([key, ...others]).size).toBe(4);
  });

  it('refuses a digest that is none before it becomes a path', () => {
    const { image } = testImage([[{ name: 'a' }]]);
    const bad = { ...image, layers: [{ ...image.layers[0]!, diffId: 'sha256:../../etc' as const }] };
    expect(() => imageDiskKey(bad, ext4Converter, 'fit')).toThrow(expect.objectContaining({ code: 'image_invalid' }));
  });

  it('shares one build among concurrent callers, and tells each its progress', async () => {
    const home = await createTestHome();
    const { image, source, counts } = testImage([[{ name: 'a', content: Buffer.alloc(MIB, 1) }]]);
    const told = [0, 0, 0, 0, 0];
    const disks = await Promise.all(
      told.map((_none, index) =>
        home.cache.ensure({
          image,
          source,
          ...SIZE,
          onProgress: () => {
            told[index]! += 1;
          },
        }),
      ),
    );
    expect(told[0]).toBeGreaterThan(0);
    expect(new Set(told).size).toBe(1);
    expect(new Set(disks.map(({ path }) => path)).size).toBe(1);
    expect(counts.opened).toBe(1);
  });

  it('installs nothing when a source finds other content than promised at the end of a layer', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a', content: 'a' }]], { damage: true });
    await expect(home.cache.ensure({ image, source, ...SIZE })).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect([await readdir(home.diskImagesDir), await readdir(home.tmpDir)]).toEqual([[], []]);
  });

  it('keeps the disk of a process that was first, and removes its own', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    const { path } = home.cache.locate(image, SIZE.sizeBytes);
    const slow: typeof source = {
      async *openLayer(...args) {
        yield* source.openLayer(...args);
        await writeFile(path, 'theirs');
      },
    };
    await home.cache.ensure({ image, source: slow, ...SIZE });
    expect(await readFile(path, 'utf8')).toBe('theirs');
    expect(await readdir(home.diskImagesDir)).toEqual([basename(path)]);
    expect(await readdir(home.tmpDir)).toEqual([]);
  });

  it('leaves nothing when its last caller aborts', async () => {
    const home = await createTestHome();
    const abort = new AbortController();
    const { image, source } = testImage([[{ name: 'a' }]]);
    const stuck: typeof source = {
      async *openLayer(...args) {
        yield* source.openLayer(...args);
        abort.abort();
        await new Promise(() => undefined);
      },
    };
    const build = home.cache.ensure({ image, source: stuck, ...SIZE, signal: abort.signal });
    await expect(build).rejects.toMatchObject({ code: 'aborted' });
    expect([await readdir(home.diskImagesDir), await readdir(home.tmpDir)]).toEqual([[], []]);
  });

  it('holds a lease from before it looks until it is released, and notes the use then', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    const leased: string[][] = [];
    const watched: typeof source = {
      openLayer(...args) {
        leased.push([...home.leases.held].map(({ entity }) => entity));
        return source.openLayer(...args);
      },
    };
    const first = await home.cache.ensure({ image, source: watched, ...SIZE });
    const entity = imageDiskLeaseEntity(first.key);
    expect(leased).toEqual([[entity, `image-disk-build:${first.key}`]]);
    const second = await home.cache.ensure({ image, source, ...SIZE });
    expect([...home.leases.held]).toEqual([1, 2].map(() => ({ entity, purpose: 'start', shared: true })));
    await utimes(first.path, 1000, 1000);
    await first.release();
    await first.release();
    expect(home.leases.held.size).toBe(1);
    expect((await stat(first.path)).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    await second[Symbol.asyncDispose]();
    expect(home.leases.held.size).toBe(0);
  });

  it('gives the lease back when there will be no disk', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]], { damage: true });
    await expect(home.cache.ensure({ image, source, ...SIZE })).rejects.toThrow();
    expect(home.leases.held.size).toBe(0);
  });

  it('waits for another process that builds the disk, and takes what that one made', async () => {
    const home = await createTestHome();
    const { image, source, counts } = testImage([[{ name: 'a' }]]);
    const { path, key } = home.cache.locate(image, SIZE.sizeBytes);
    const theirs = await home.leases.acquire(`image-disk-build:${key}`, 'build');
    const ours = home.cache.ensure({ image, source, ...SIZE });
    await home.leases.waiting();
    await writeFile(path, 'theirs');
    await theirs.release();
    expect(await ours).toMatchObject({ path, sizeBytes: 6 });
    expect(counts.opened).toBe(0);
  });

  it('builds the disk when the process that was at it gives up', async () => {
    const home = await createTestHome();
    const { image, source, counts } = testImage([[{ name: 'a' }]]);
    const { key } = home.cache.locate(image, SIZE.sizeBytes);
    const theirs = await home.leases.acquire(`image-disk-build:${key}`, 'build');
    const ours = home.cache.ensure({ image, source, ...SIZE });
    await home.leases.waiting();
    await theirs.release();
    expect(await ours).toMatchObject(DISK);
    expect(counts.opened).toBe(1);
  });

  it('needs no leases where one process is alone', async () => {
    const { diskImagesDir, tmpDir } = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    const disk = await createImageDiskCache({ diskImagesDir, tmpDir }).ensure({ image, source, ...SIZE });
    await disk.release();
    expect(await readdir(diskImagesDir)).toEqual([basename(disk.path)]);
  });

  it('is refused where the image needs a larger disk than asked for, saying how large', async () => {
    const { diskImagesDir, tmpDir, leases } = await createTestHome();
    const large: ImageConverter = {
      ...ext4Converter,
      async convert({ target }) {
        await writeFile(target, '');
        await truncate(target, 3 * MIB);
        return { sizeBytes: 3 * MIB, usedBytes: 0, entries: 0 };
      },
    };
    const { image, source } = testImage([[{ name: 'a' }]]);
    const cache = createImageDiskCache({ diskImagesDir, tmpDir, leases, converter: large });
    for (const time of ['when it is built', 'when it is found']) {
      await expect(cache.ensure({ image, source, sizeBytes: 2 * MIB }), time).rejects.toMatchObject({
        code: 'invalid_argument',
        details: { field: 'sizeBytes', needed: 3 * MIB, wanted: 2 * MIB },
      });
    }
    expect(leases.held.size).toBe(0);
  });

  it('is one disk for boxes of the default size and all larger ones, and one for all smaller', async () => {
    const { cache } = await createTestHome();
    const { image } = testImage([[{ name: 'a' }]]);
    const keys = [undefined, 10, 20, 5000].map((gib) => cache.locate(image, gib && gib * 1024 ** 3).key);
    const smaller = [1, 2, 9].map((gib) => cache.locate(image, gib * 1024 ** 3).key);
    expect([new Set(keys).size, new Set(smaller).size]).toEqual([1, 1]);
    expect(cache.locateAll(image).map(({ key }) => key)).toEqual([keys[0], smaller[0]]);
  });

  it('says what is wrong when its directories cannot be used', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    await rm(home.tmpDir, { recursive: true });
    await expect(home.cache.ensure({ image, source, ...SIZE })).rejects.toMatchObject({ code: 'storage_error' });
  });
});
