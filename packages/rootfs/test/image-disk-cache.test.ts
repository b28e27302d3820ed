import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ext4Converter, imageDiskKey } from '../src/index.js';
import { checkFileSystem } from './support/host.js';
import { createTestHome, testImage } from './support/test-home.js';

const MIB = 1024 ** 2;
const SIZE = { sizeBytes: 16 * MIB };

describe('the image-disk cache', () => {
  it('builds a disk once and finds it again under the digests of its layers', async () => {
    const home = await createTestHome();
    const { image, source, counts } = testImage([[{ name: 'a', content: 'a' }], [{ name: 'b', content: 'b' }]]);
    const disk = await home.cache.ensure({ image, source, ...SIZE });
    await checkFileSystem(disk.path);
    expect(await readdir(home.diskImagesDir)).toEqual([`${imageDiskKey(image, ext4Converter, SIZE.sizeBytes)}.ext4`]);
    expect((await stat(disk.path)).mode & 0o777).toBe(0o600);
    expect(await home.cache.ensure({ image, source, ...SIZE })).toEqual(disk);
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

  it('keys by content: the order of layers, the size and the version of the converter count, the image does not', () => {
    const one = testImage([[{ name: 'a' }], [{ name: 'b' }]]).image;
    const key = imageDiskKey(one, ext4Converter, MIB);
    expect(
      imageDiskKey({ ...one, reference: 'other', manifestDigest: `sha256:${'0'.repeat(64)}` }, ext4Converter, MIB),
    ).toBe(key);
    const others = [
      imageDiskKey({ ...one, layers: [...one.layers].reverse() }, ext4Converter, MIB),
      imageDiskKey(one, ext4Converter, 2 * MIB),
      imageDiskKey(one, { ...ext4Converter, version: 99 }, MIB),
    ];
    expect(new Set([key, ...others]).size).toBe(4);
  });

  it('refuses a digest that is none before it becomes a path', () => {
    const { image } = testImage([[{ name: 'a' }]]);
    const bad = { ...image, layers: [{ ...image.layers[0]!, diffId: 'sha256:../../etc' as const }] };
    expect(() => imageDiskKey(bad, ext4Converter, MIB)).toThrow(expect.objectContaining({ code: 'image_invalid' }));
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

  it('says what is wrong when its directories cannot be used', async () => {
    const home = await createTestHome();
    const { image, source } = testImage([[{ name: 'a' }]]);
    await rm(home.tmpDir, { recursive: true });
    await expect(home.cache.ensure({ image, source, ...SIZE })).rejects.toMatchObject({ code: 'storage_error' });
  });
});
