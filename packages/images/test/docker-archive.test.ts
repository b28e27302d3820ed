import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createLocalImageSource } from '../src/index.js';
import { dockerConfig, hexOf, layoutMembers, type Member, oldDockerArchive, writeArchive } from './archive-samples.js';
import { hash, hashes } from './collect.js';
import { makeTar } from './make-tar.js';
import { sampleImage } from './sample-image.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

async function emptySource() {
  const [home, store] = [await temporaryHome(), memoryImageStore()];
  return { home, store, source: createLocalImageSource({ blobs: home, store }) };
}

const tarOf = (body: string) => makeTar([{ name: 'file', body }]);
const tars = () => Promise.all([tarOf('one'), tarOf('two')]);

describe('an archive of docker save', () => {
  it.each(['docker-archive', 'oci-archive'])(
    'from before Docker 25 is read as %s:FILE, its image id kept',
    async (kind) => {
      const [{ source }, layers] = [await emptySource(), await tars()];
      const file = await writeArchive(await oldDockerArchive([{ tars: layers, tags: ['app:v1'] }]));
      const image = await source.resolve(`${kind}:${file}`);
      expect(image.configDigest).toBe(`sha256:${hexOf(dockerConfig(layers))}`);
      expect(image.config).toMatchObject({ cmd: ['/bin/sh'], env: ['PATH=/bin'] });
      expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(layers.map(hash));
      expect(await source.resolve(`${kind}:${file}:app:v1`)).toMatchObject({ manifestDigest: image.manifestDigest });
    },
  );

  it('written by skopeo gives the image skopeo was given', async () => {
    const [{ source }, sample] = [await emptySource(), await sampleImage()];
    const file = await writeArchive([], 'skopeo.tar');
    await run('rm', [file]);
    await run('skopeo', ['copy', '--quiet', sample.reference, `docker-archive:${file}:app:v1`]);
    const image = await source.resolve(`docker-archive:${file}:app:v1`);
    const original = await createLocalImageSource().resolve(sample.reference);
    expect(image.layers.map(({ diffId }) => diffId)).toEqual(original.layers.map(({ diffId }) => diffId));
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
    expect(image.config).toEqual(original.config);
  });

  it('holds several images, chosen by name; without one the names there are are listed', async () => {
    const [{ source }, shared, own] = [await emptySource(), await tarOf('shared'), await tarOf('own')];
    const members = await oldDockerArchive([
      { tars: [shared], tags: ['app:v1', 'app:stable'] },
      { tars: [shared, own], tags: ['localhost:5000/other:v2'] },
    ]);
    expect(members.some(({ type }) => type === 'symlink')).toBe(true);
    const file = await writeArchive(members);
    expect((await source.resolve(`docker-archive:${file}:app:stable`)).layers).toHaveLength(1);
    const other = await source.resolve(`docker-archive:${file}:localhost:5000/other:v2`);
    expect(await hashes(other.layers.map((layer) => source.openLayer(other, layer)))).toEqual([shared, own].map(hash));
    const names = ['docker.io/library/app:v1', 'docker.io/library/app:stable', 'localhost:5000/other:v2'];
    await expect(source.resolve(`docker-archive:${file}`)).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'image', tags: names },
    });
    await expect(source.resolve(`docker-archive:${file}:app`)).rejects.toMatchObject({
      code: 'image_not_found',
      details: { tags: names },
    });
  });

  it.each<[string, string[]]>([
    ['gzip', ['-n']],
    ['zstd', ['-q', '--rm']],
  ])('may be compressed with %s', async (program, options) => {
    const [{ source }, layers] = [await emptySource(), await tars()];
    const file = await writeArchive(await oldDockerArchive([{ tars: layers, tags: ['app:v1'] }]));
    await run(program, [...options, file]);
    const image = await source.resolve(`docker-archive:${file}.${program === 'gzip' ? 'gz' : 'zst'}`);
    expect(image.layers.map(({ diffId }) => diffId)).toEqual(layers.map((tar) => `sha256:${hexOf(tar)}`));
  });

  it('may hold compressed layers, and layers that are hard links', async () => {
    const [{ source }, layers] = [await emptySource(), await tars()];
    const config = dockerConfig([...layers, layers[0]!]);
    const manifest = [{ Config: 'config', RepoTags: ['app:v1'], Layers: ['one.tar.gz', './two//layer.tar', 'again'] }];
    const file = await writeArchive([
      { name: 'one.tar.gz', body: gzipSync(layers[0]!) },
      { name: 'two/layer.tar', body: layers[1]! },
      { name: 'again', type: 'link', linkname: 'one.tar.gz' },
      { name: 'config', body: config },
      { name: 'manifest.json', body: JSON.stringify(manifest) },
    ]);
    const image = await source.resolve(`docker-archive:${file}`);
    expect(image.layers.map(({ mediaType }) => mediaType.split('.').at(-1))).toEqual(['tar+gzip', 'tar', 'tar+gzip']);
    const read = await hashes(image.layers.map((layer) => source.openLayer(image, layer)));
    expect(read).toEqual([...layers, layers[0]!].map(hash));
  });

  it('of Docker 25 and later, a layout with a manifest.json, is read as the layout it is', async () => {
    const [{ source }, sample] = [await emptySource(), await sampleImage()];
    const members = await layoutMembers(sample.directory);
    const index = JSON.parse(members.find(({ name }) => name === 'index.json')!.body.toString());
    index.manifests[0].annotations = {
      'io.containerd.image.name': 'docker.io/library/app:v1',
      'org.opencontainers.image.ref.name': 'v1',
    };
    const mixed = members.filter(({ name }) => name !== 'index.json');
    const file = await writeArchive([
      ...mixed,
      { name: 'index.json', body: JSON.stringify(index) },
      { name: 'manifest.json', body: JSON.stringify([{ Config: 'nowhere', RepoTags: ['app:v1'], Layers: [] }]) },
    ]);
    for (const name of ['', ':app:v1']) {
      expect((await source.resolve(`docker-archive:${file}${name}`)).manifestDigest).toBe(sample.manifestDigest);
    }
    for (const tag of ['v1', 'app:v1', 'docker.io/library/app:v1']) {
      expect((await source.resolve(`oci-archive:${file}:${tag}`)).manifestDigest).toBe(sample.manifestDigest);
    }
  });
});

describe('a hostile archive of docker save', () => {
  const config = (layers: readonly Buffer[]) => ({ name: 'c.json', body: dockerConfig(layers) });
  const manifest = (entry: object) => ({
    name: 'manifest.json',
    body: JSON.stringify([{ Config: 'c.json', RepoTags: null, Layers: ['l.tar'], ...entry }]),
  });

  it.each<[string, string, (layer: Buffer) => Member[]]>([
    [
      'a layer that is not its diff id',
      'digest_mismatch',
      (layer) => [{ name: 'l.tar', body: Buffer.concat([layer, Buffer.alloc(512)]) }, config([layer]), manifest({})],
    ],
    [
      'a compressed layer that is not its diff id',
      'digest_mismatch',
      (layer) => [{ name: 'l.tar', body: gzipSync(Buffer.alloc(1024)) }, config([layer]), manifest({})],
    ],
    [
      'a configuration that is not its name',
      'digest_mismatch',
      (layer) => [
        { name: 'l.tar', body: layer },
        { ...config([layer]), name: `${'0'.repeat(64)}.json` },
        manifest({ Config: `${'0'.repeat(64)}.json` }),
      ],
    ],
    ['a layer that is missing', 'image_invalid', (layer) => [config([layer]), manifest({})]],
    ['a configuration that is missing', 'image_invalid', (layer) => [{ name: 'l.tar', body: layer }, manifest({})]],
    [
      'a layer that climbs',
      'image_invalid',
      (layer) => [config([layer]), manifest({ Layers: ['../../../../etc/passwd'] })],
    ],
    ['a layer that is absolute', 'image_invalid', (layer) => [config([layer]), manifest({ Layers: ['/etc/passwd'] })]],
    [
      'a layer that is a link out of the archive',
      'image_invalid',
      (layer) => [{ name: 'l.tar', type: 'symlink', linkname: '/etc/passwd' }, config([layer]), manifest({})],
    ],
    [
      'layers that are a loop of links',
      'image_invalid',
      (layer) => [
        { name: 'l.tar', type: 'symlink', linkname: 'm.tar' },
        { name: 'm.tar', type: 'symlink', linkname: 'l.tar' },
        config([layer]),
        manifest({}),
      ],
    ],
    [
      'a layer that is a device',
      'image_invalid',
      (layer) => [{ name: 'l.tar', type: 'character-device', devmajor: 1, devminor: 5 }, config([layer]), manifest({})],
    ],
    [
      'more layers than diff ids',
      'image_invalid',
      (layer) => [{ name: 'l.tar', body: layer }, config([layer]), manifest({ Layers: ['l.tar', 'l.tar'] })],
    ],
    [
      'a layer twice',
      'image_invalid',
      (layer) => [{ name: 'l.tar', body: layer }, { name: './l.tar', body: layer }, config([layer]), manifest({})],
    ],
    [
      'manifest.json twice',
      'image_invalid',
      (layer) => [{ name: 'l.tar', body: layer }, config([layer]), manifest({}), manifest({})],
    ],
    [
      'a manifest.json that is huge',
      'image_invalid',
      () => [{ name: 'manifest.json', body: Buffer.alloc(5 * 1024 * 1024, ' ') }],
    ],
    [
      'a configuration that is huge',
      'image_invalid',
      (layer) => [
        { name: 'l.tar', body: layer },
        { name: 'c.json', body: Buffer.alloc(5 * 1024 * 1024, ' ') },
        manifest({}),
      ],
    ],
    ['a manifest.json that is no list', 'image_invalid', () => [{ name: 'manifest.json', body: '{}' }]],
    ['a manifest.json that is no JSON', 'image_invalid', () => [{ name: 'manifest.json', body: '[' }]],
    ['a manifest.json that is empty', 'image_not_found', () => [{ name: 'manifest.json', body: '[]' }]],
    [
      'a name that is none',
      'image_invalid',
      (layer) => [{ name: 'l.tar', body: layer }, config([layer]), manifest({ RepoTags: ['../../x'] })],
    ],
    ['nothing', 'image_invalid', () => [{ name: 'readme', body: 'x' }]],
    ['only repositories, as Docker before 1.10', 'unsupported', () => [{ name: 'repositories', body: '{}' }]],
  ])('with %s is refused (%s), and leaves nothing', async (_title, code, members) => {
    const { home, source, store } = await emptySource();
    const file = await writeArchive(members(await tarOf('layer')));
    await expect(source.resolve(`docker-archive:${file}`)).rejects.toMatchObject({ code });
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
    expect(store.records.size).toBe(0);
  });

  it('that is a bomb ends at the limit, also when the bomb is a compressed layer', async () => {
    const home = await temporaryHome();
    const layer = await makeTar([{ name: 'zeros', body: Buffer.alloc(3_000_000) }]);
    const inside = await writeArchive([{ name: 'l.tar', body: gzipSync(layer) }, config([layer]), manifest({})]);
    const outside = await writeArchive([{ name: 'l.tar', body: layer }, config([layer]), manifest({})]);
    await writeFile(outside, gzipSync(await readFile(outside)));
    const source = createLocalImageSource({
      blobs: home,
      limits: { maxImageBytes: 2_000_000, maxLayerBytes: 1_000_000 },
    });
    for (const file of [inside, outside]) {
      await expect(source.resolve(`docker-archive:${file}`)).rejects.toMatchObject({ code: 'resource_exhausted' });
    }
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('with names longer than any path is refused, so that names cannot fill memory', async () => {
    const { home, source } = await emptySource();
    const long = 'n'.repeat(5000);
    const members: Member[][] = [
      [{ name: long, body: 'x' }],
      [{ name: 'link', type: 'symlink', linkname: long }],
      [{ name: 'link', type: 'link', linkname: long }],
    ];
    for (const hostile of members) {
      await expect(source.resolve(`docker-archive:${await writeArchive(hostile)}`)).rejects.toMatchObject({
        code: 'image_invalid',
        message: expect.stringContaining('longer than 4096'),
      });
    }
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('with endless entries ends', async () => {
    const { source } = await emptySource();
    const members = Array.from({ length: 17_000 }, (_, index) => ({ name: `f${index}` }));
    const file = await writeArchive(members);
    await expect(source.resolve(`docker-archive:${file}`)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('16384 entries'),
    });
  });
});
