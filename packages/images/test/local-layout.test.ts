import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { digestHex } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createLocalImageSource, hostPlatform, writeOciLayout } from '../src/index.js';
import { collect, hash, hashes } from './collect.js';
import { makeTar } from './make-tar.js';
import { temporaryDirectory } from './temporary-directory.js';

const run = promisify(execFile);
const source = createLocalImageSource();

async function sampleLayout(tag = 'latest') {
  const directory = join(await temporaryDirectory(), 'layout');
  const tars = [
    await makeTar([
      { name: 'etc/', type: 'directory' },
      { name: 'etc/hostname', body: 'box\n' },
    ]),
    await makeTar([{ name: 'bin/app', mode: 0o755, body: Buffer.alloc(700_000, 'app') }]),
  ];
  const written = await writeOciLayout({
    directory,
    tag,
    layers: tars.map((tar) => ({ tar })),
    config: {
      entrypoint: ['/bin/app'],
      cmd: ['serve'],
      env: ['A=b'],
      user: '1000:1000',
      workingDir: 'srv',
      labels: { a: 'b' },
    },
  });
  return { directory, tars, ...written };
}

const blobPath = (directory: string, digest: `sha256:${string}`) => join(directory, 'blobs/sha256', digestHex(digest));

describe('an OCI layout directory', () => {
  it('is resolved and its layers read back as the tars they were made of', async () => {
    const { directory, tars, manifestDigest } = await sampleLayout();
    const image = await source.resolve(`oci:${directory}:latest`);
    expect(image.manifestDigest).toBe(manifestDigest);
    expect(image.reference).toBe(`oci:${directory}:latest`);
    expect(image.platform).toEqual(hostPlatform());
    expect(image.config).toEqual({
      entrypoint: ['/bin/app'],
      cmd: ['serve'],
      env: ['A=b'],
      workingDir: '/srv',
      user: '1000:1000',
      exposedPorts: [],
      labels: { a: 'b' },
    });
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(tars.map(hash));
  });

  it('written by us is accepted by skopeo and umoci, and the same input gives the same bytes', async () => {
    const { directory, manifestDigest } = await sampleLayout('v1');
    const { stdout } = await run('skopeo', ['inspect', `oci:${directory}:v1`]);
    const inspected = JSON.parse(stdout);
    expect(inspected).toMatchObject({ Digest: manifestDigest, Architecture: hostPlatform().architecture, Os: 'linux' });
    expect(inspected.Layers).toHaveLength(2);
    const listed = await run('umoci', ['list', '--layout', directory]);
    expect(listed.stdout.trim()).toBe('v1');
    expect((await sampleLayout('v1')).manifestDigest).toBe(manifestDigest);
  });

  it('is refused when the directory, oci-layout, index.json or a blob is missing', async () => {
    const { directory } = await sampleLayout();
    await expect(source.resolve(`oci:${directory}-not`)).rejects.toMatchObject({
      code: 'image_not_found',
      details: { field: 'image' },
    });
    const image = await source.resolve(`oci:${directory}`);
    await rename(blobPath(directory, image.layers[0]!.digest), join(directory, 'gone'));
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({ code: 'image_invalid' });
    await rm(join(directory, 'index.json'));
    await expect(source.resolve(`oci:${directory}`)).rejects.toThrow(/index\.json/);
    await rm(join(directory, 'oci-layout'));
    await expect(source.resolve(`oci:${directory}`)).rejects.toThrow(/oci-layout/);
  });

  it('is refused when a document does not match its digest', async () => {
    const { directory } = await sampleLayout();
    const { configDigest } = await source.resolve(`oci:${directory}`);
    const path = blobPath(directory, configDigest);
    await writeFile(path, (await readFile(path, 'utf8')).replace('1000:1000', '0000:0000'));
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({
      code: 'digest_mismatch',
      details: { digest: configDigest },
    });
  });

  it('reports a layer whose bytes were replaced at the end of its stream', async () => {
    const { directory } = await sampleLayout();
    const image = await source.resolve(`oci:${directory}`);
    const [first, second] = image.layers as [(typeof image.layers)[0], (typeof image.layers)[0]];
    const bytes = await readFile(blobPath(directory, first.digest));
    bytes[bytes.length - 6]! ^= 1;
    await writeFile(blobPath(directory, first.digest), bytes);
    await expect(collect(source.openLayer(image, first))).rejects.toMatchObject({ code: 'digest_mismatch' });
    await writeFile(
      blobPath(directory, second.digest),
      await readFile(blobPath(directory, second.digest)).then((b) => b.subarray(0, 100)),
    );
    await expect(collect(source.openLayer(image, second))).rejects.toMatchObject({ code: 'digest_mismatch' });
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({ code: 'digest_mismatch' });
  });

  it('never follows a symbolic link, nor waits for a pipe, inside the layout', async () => {
    const { directory } = await sampleLayout();
    const image = await source.resolve(`oci:${directory}`);
    const path = blobPath(directory, image.layers[0]!.digest);
    await rename(path, join(directory, 'elsewhere'));
    await symlink(join(directory, 'elsewhere'), path);
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({ code: 'image_invalid' });
    await expect(collect(source.openLayer(image, image.layers[0]!))).rejects.toMatchObject({ code: 'image_invalid' });
    await rm(path);
    await run('mkfifo', [path]);
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({ code: 'image_invalid' });
    await rename(join(directory, 'blobs'), join(directory, 'real'));
    await symlink(join(directory, 'real'), join(directory, 'blobs'));
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({ code: 'image_invalid' });
  });

  it('with several tags needs one, and an unknown tag lists those there are', async () => {
    const { directory } = await sampleLayout('one');
    const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    await rm(join(directory, 'index.json'));
    await writeOciLayout({ directory, tag: 'two', layers: [{ tar: await makeTar([{ name: 'a', body: 'a' }]) }] });
    const other = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    await writeFile(
      join(directory, 'index.json'),
      JSON.stringify({ ...index, manifests: [...index.manifests, ...other.manifests] }),
    );
    expect((await source.resolve(`oci:${directory}:two`)).layers).toHaveLength(1);
    expect((await source.resolve(`oci:${directory}:one`)).layers).toHaveLength(2);
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { tags: ['one', 'two'] },
    });
    await expect(source.resolve(`oci:${directory}:three`)).rejects.toMatchObject({ code: 'image_not_found' });
  });

  it('for another architecture is refused with the platforms it has', async () => {
    const directory = join(await temporaryDirectory(), 'other');
    await mkdir(directory);
    await writeOciLayout({
      directory,
      layers: [{ tar: await makeTar([{ name: 'a', body: 'a' }]) }],
      platform: { os: 'linux', architecture: 's390x' },
    });
    await expect(source.resolve(`oci:${directory}`)).rejects.toMatchObject({
      code: 'platform_mismatch',
      details: { available: ['linux/s390x'] },
    });
    const image = await source.resolve(`oci:${directory}`, { platform: { os: 'linux', architecture: 's390x' } });
    expect(image.platform.architecture).toBe('s390x');
  });
});
