import { execFile } from 'node:child_process';
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createLocalImageSource } from '../src/index.js';
import { layoutMembers } from './archive-samples.js';
import { hash, hashes } from './collect.js';
import { makeTar } from './make-tar.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

async function sampleArchive() {
  const sample = await sampleImage();
  const file = join(await temporaryDirectory(), 'image.tar');
  await run('skopeo', ['copy', '--quiet', sample.reference, `oci-archive:${file}:latest`]);
  const home = await temporaryHome();
  const store = memoryImageStore();
  return { ...sample, file, home, store, source: createLocalImageSource({ blobs: home, store }) };
}

describe('an OCI archive', () => {
  it('made by skopeo is imported and read from the blob store, also when the file is gone', async () => {
    const { file, home, source, tars, manifestDigest, store } = await sampleArchive();
    const image = await source.resolve(`oci-archive:${file}:latest`);
    expect(image.manifestDigest).toBe(manifestDigest);
    expect(store.records.get(image.reference)).toMatchObject({ complete: true, manifestDigest });
    await rm(file);
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(tars.map(hash));
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [expect.any(String), expect.any(String)] });
    await expect(source.resolve(`oci-archive:${file}:latest`)).rejects.toMatchObject({ code: 'image_not_found' });
  });

  it('that is compressed is imported too', async () => {
    const { file, source, manifestDigest } = await sampleArchive();
    await writeFile(file, gzipSync(await readFile(file)));
    expect((await source.resolve(`oci-archive:${file}`)).manifestDigest).toBe(manifestDigest);
  });

  it('that has not changed since its import is not read again; a changed one, or with pull always, is', async () => {
    const { file, home, store, manifestDigest } = await sampleArchive();
    const reference = `oci-archive:${file}`;
    const manifest = join(home.manifestsDir, manifestDigest.replace(':', '-'));
    const imports: bigint[] = [];
    const resolveAt = async (now: number, pull: 'missing' | 'always' = 'missing') => {
      const source = createLocalImageSource({ blobs: home, store, now: () => now });
      await source.resolve(reference, { pull });
      imports.push((await stat(manifest, { bigint: true })).ctimeNs);
    };
    const { ctimeMs } = await stat(file);
    await resolveAt(ctimeMs + 10_000);
    await resolveAt(ctimeMs + 20_000);
    await resolveAt(ctimeMs, 'always');
    await resolveAt(ctimeMs + 30_000);
    expect(imports[1]).toBe(imports[0]);
    expect(imports[2]).not.toBe(imports[1]);
    expect(imports[3]).not.toBe(imports[2]);
  });

  it('cannot write anywhere: names that climb, links and devices are passed over', async () => {
    const { directory, home, source, manifestDigest } = await sampleArchive();
    const file = join(await temporaryDirectory(), 'hostile.tar');
    const hostile = await makeTar([
      { name: '../../escaped', body: 'x' },
      { name: '/tmp/boxlite-escaped', body: 'x' },
      { name: 'blobs/sha256/../../../escaped', body: 'x' },
      { name: 'blobs', type: 'symlink', linkname: '/tmp' },
      { name: `blobs/sha256/${'0'.repeat(64)}`, type: 'symlink', linkname: '/etc/passwd' },
      { name: 'device', type: 'character-device', devmajor: 1, devminor: 3 },
      ...(await layoutMembers(directory)),
    ]);
    await writeFile(file, hostile);
    expect((await source.resolve(`oci-archive:${file}`)).manifestDigest).toBe(manifestDigest);
    expect((await imageFiles(home)).tmp).toEqual([]);
    await expect(readFile('/tmp/boxlite-escaped')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('with a blob that is not its name is refused, and leaves nothing', async () => {
    const { directory, home, source } = await sampleArchive();
    const file = join(await temporaryDirectory(), 'wrong.tar');
    const entries = await layoutMembers(directory);
    for (const entry of entries) if (entry.body.length > 100_000) entry.body[50] = entry.body[50]! ^ 1;
    await writeFile(file, await makeTar(entries));
    await expect(source.resolve(`oci-archive:${file}`)).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('that is truncated, no tar, or a pipe is refused', async () => {
    const { file, home, source } = await sampleArchive();
    const whole = await readFile(file);
    const directory = await temporaryDirectory();
    for (const [name, bytes] of [
      ['cut', whole.subarray(0, whole.length >> 1)],
      ['text', Buffer.alloc(5000, 'text')],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      await writeFile(join(directory, name), bytes);
      await expect(source.resolve(`oci-archive:${directory}/${name}`)).rejects.toMatchObject({ code: 'image_invalid' });
    }
    await run('mkfifo', [join(directory, 'pipe')]);
    await expect(source.resolve(`oci-archive:${directory}/pipe`)).rejects.toMatchObject({ code: 'image_invalid' });
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('that expands over the limit is refused', async () => {
    const { home } = await sampleArchive();
    const file = join(await temporaryDirectory(), 'bomb.tar');
    await writeFile(file, gzipSync(await makeTar([{ name: 'junk', body: Buffer.alloc(5_000_000) }])));
    const source = createLocalImageSource({ blobs: home, limits: { maxImageBytes: 1_000_000 } });
    await expect(source.resolve(`oci-archive:${file}`)).rejects.toMatchObject({ code: 'resource_exhausted' });
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('aborted leaves nothing', async () => {
    const { file, home, source, store } = await sampleArchive();
    const controller = new AbortController();
    const importing = source.resolve(`oci-archive:${file}`, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(importing).rejects.toMatchObject({ code: 'aborted' });
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
    expect(store.records.size).toBe(0);
  });

  it('needs a blob store, and may be named by a link', async () => {
    const { file, source, manifestDigest } = await sampleArchive();
    await symlink(file, `${file}.link`);
    expect((await source.resolve(`oci-archive:${file}.link`)).manifestDigest).toBe(manifestDigest);
    await expect(createLocalImageSource().resolve(`oci-archive:${file}`)).rejects.toMatchObject({
      code: 'unsupported',
    });
  });
});
