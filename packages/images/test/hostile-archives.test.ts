import { readFile, writeFile } from 'node:fs/promises';
import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { BlobStore, loadImages } from '../src/index.js';
import { dockerConfig, hexOf, layoutMembers, type Member, oldDockerArchive, writeArchive } from './archive-samples.js';
import { makeTar } from './make-tar.js';
import { randomFrom } from './random-from.js';
import { sampleImage } from './sample-image.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const ROUNDS = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? 300);
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_240_608);
const NOTHING = { tmp: [], layers: [], manifests: [], configs: [] };

async function emptyCache() {
  const [home, store] = [await temporaryHome(), memoryImageStore()];
  return { home, store, blobs: new BlobStore(home) };
}

/** A small layout as members of an archive, and how to change one of its JSON documents along with what names it. */
async function sampleMembers() {
  const sample = await sampleImage({ layers: 2, layerBytes: 1000 });
  const members: Member[] = await layoutMembers(sample.directory);
  const member = (name: string) => members.find((candidate) => candidate.name === name)!;
  const index = JSON.parse(String(member('index.json').body));
  const manifestName = `blobs/sha256/${index.manifests[0].digest.slice(7)}`;
  const manifest = JSON.parse(String(member(manifestName).body));
  return { members, member, index, manifest, manifestName };
}

type Sample = Awaited<ReturnType<typeof sampleMembers>>;

/** Puts another manifest in the place of the image's. */
function withManifest({ members, manifestName, index }: Sample, manifest: object): Member[] {
  const body = JSON.stringify(manifest);
  const entry = { ...index.manifests[0], digest: `sha256:${hexOf(body)}`, size: Buffer.byteLength(body) };
  return [
    ...members.filter(({ name }) => name !== manifestName && name !== 'index.json'),
    { name: `blobs/sha256/${hexOf(body)}`, body },
    { name: 'index.json', body: JSON.stringify({ ...index, manifests: [entry] }) },
  ];
}

describe('a hostile OCI archive', () => {
  it.each<[string, string, (sample: Sample) => Member[]]>([
    ['index.json twice', 'image_invalid', ({ members, member }) => [...members, member('index.json')]],
    [
      'index.json twice, once as a link',
      'image_invalid',
      ({ members }) => [...members, { name: './index.json', type: 'symlink', linkname: 'other' }],
    ],
    [
      'an index.json that is huge',
      'image_invalid',
      ({ members }) => [
        ...members.filter(({ name }) => name !== 'index.json'),
        { name: 'index.json', body: Buffer.alloc(5 * 1024 * 1024, ' ') },
      ],
    ],
    [
      'an index.json that is a link',
      'image_invalid',
      ({ members, member }) => [
        ...members.filter(({ name }) => name !== 'index.json'),
        { name: 'real.json', body: member('index.json').body! },
        { name: 'index.json', type: 'symlink', linkname: 'real.json' },
      ],
    ],
    ['no oci-layout', 'image_invalid', ({ members }) => members.filter(({ name }) => name !== 'oci-layout')],
    [
      'no manifest',
      'image_invalid',
      ({ members, manifestName }) => members.filter(({ name }) => name !== manifestName),
    ],
    [
      'no configuration',
      'image_invalid',
      ({ members, manifest }) => members.filter(({ name }) => !name.endsWith(manifest.config.digest.slice(7))),
    ],
    [
      'a layer missing',
      'image_invalid',
      ({ members, manifest }) => members.filter(({ name }) => !name.endsWith(manifest.layers[1].digest.slice(7))),
    ],
    [
      'a layer that is a link to another',
      'image_invalid',
      ({ members, manifest }) => {
        const [first, second] = manifest.layers.map(
          ({ digest }: { digest: string }) => `blobs/sha256/${digest.slice(7)}`,
        );
        const others = members.filter(({ name }) => name !== second);
        return [...others, { name: second, type: 'link', linkname: first }];
      },
    ],
    [
      'a layer of another size than it says',
      'digest_mismatch',
      (sample) => {
        const [first, second] = sample.manifest.layers;
        return withManifest(sample, { ...sample.manifest, layers: [first, { ...second, size: second.size + 1 }] });
      },
    ],
    [
      'a blob that is not its name',
      'digest_mismatch',
      ({ members }) => [...members, { name: `blobs/sha256/${'0'.repeat(64)}`, body: 'x' }],
    ],
    [
      'a foreign layer',
      'image_invalid',
      (sample) => {
        const [first, second] = sample.manifest.layers;
        const foreign = { ...second, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' };
        return withManifest(sample, { ...sample.manifest, layers: [first, foreign] });
      },
    ],
    [
      'a layer with urls',
      'image_invalid',
      (sample) => {
        const [first, second] = sample.manifest.layers;
        return withManifest(sample, {
          ...sample.manifest,
          layers: [first, { ...second, urls: ['https://x.invalid'] }],
        });
      },
    ],
    [
      'an index that names no image',
      'image_invalid',
      ({ members, index }) => [
        ...members.filter(({ name }) => name !== 'index.json'),
        { name: 'index.json', body: JSON.stringify({ ...index, manifests: [] }) },
      ],
    ],
  ])('with %s is refused (%s), and leaves nothing', async (_title, code, change) => {
    const cache = await emptyCache();
    const file = await writeArchive(change(await sampleMembers()));
    await expect(loadImages(cache, file)).rejects.toMatchObject({ code });
    expect(await imageFiles(cache.home)).toEqual(NOTHING);
    expect(cache.store.records.size).toBe(0);
  });

  it('that has us read one large document for ever ends', async () => {
    const cache = await emptyCache();
    const sample = await sampleMembers();
    const padded = withManifest(sample, { ...sample.manifest, annotations: { padding: 'x'.repeat(4_000_000) } });
    const index = padded.at(-1)!;
    const document = JSON.parse(String(index.body));
    const named = (number: number) => ({ 'io.containerd.image.name': `docker.io/library/app:v${number}` });
    const manifests = Array.from({ length: 200 }, (_, number) => ({
      ...document.manifests[0],
      annotations: named(number),
    }));
    index.body = JSON.stringify({ ...document, manifests });
    await expect(loadImages(cache, await writeArchive(padded))).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('documents are more than'),
    });
    expect(await imageFiles(cache.home)).toEqual(NOTHING);
  });

  it('of docker save that has us read one large configuration for ever ends', async () => {
    const cache = await emptyCache();
    const tar = await makeTar([{ name: 'a', body: 'a' }]);
    const config = Buffer.from(
      JSON.stringify({ ...JSON.parse(String(dockerConfig([tar]))), x: 'x'.repeat(4_000_000) }),
    );
    const manifest = Array.from({ length: 100 }, () => ({ Config: 'c', RepoTags: null, Layers: ['l'] }));
    const file = await writeArchive([
      { name: 'l', body: tar },
      { name: 'c', body: config },
      { name: 'manifest.json', body: JSON.stringify(manifest) },
    ]);
    await expect(loadImages(cache, file)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('configurations are more than'),
    });
  });
});

describe('archives that were damaged at random', () => {
  it.each(['OCI', 'docker save'])(
    `(%s) give a typed error or the images, never half of them (seed ${SEED}, ${ROUNDS} rounds)`,
    async (kind) => {
      const random = randomFrom(SEED);
      const tars = [await makeTar([{ name: 'a', body: 'a' }]), await makeTar([{ name: 'b', body: 'b' }])];
      const members =
        kind === 'OCI' ? (await sampleMembers()).members : await oldDockerArchive([{ tars, tags: ['app:v1'] }]);
      const file = await writeArchive(members);
      const whole = await readFile(file);
      const codes = new Set<string>();
      const cache = await emptyCache();
      for (let round = 0; round < ROUNDS; round += 1) {
        const bytes = Buffer.from(whole);
        for (let change = random(3); change >= 0; change -= 1) {
          const at = random(bytes.length);
          if (random(3) === 0) bytes.copy(bytes, at, random(bytes.length), Math.min(bytes.length, at + 512));
          else bytes[at] = random(256);
        }
        await writeFile(file, random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
        const outcome = await loadImages(cache, file).then(
          () => 'ok',
          (thrown: unknown) => {
            if (!BoxliteError.isInstance(thrown)) throw new Error(`seed ${SEED}, round ${round}`, { cause: thrown });
            return thrown.code;
          },
        );
        codes.add(outcome);
        const files = await imageFiles(cache.home);
        expect(files.tmp, `seed ${SEED}, round ${round}`).toEqual([]);
        if (outcome !== 'ok') expect(files, `seed ${SEED}, round ${round}`).toEqual(NOTHING);
        expect(cache.store.records.size === 0).toBe(outcome !== 'ok');
        cache.store.records.clear();
        for (const directory of ['layers', 'manifests', 'configs'] as const) {
          for (const name of files[directory])
            await cache.blobs.remove(directory, name.replace('-', ':') as `sha256:${string}`);
        }
      }
      expect([...codes]).toEqual(expect.arrayContaining(['ok', 'image_invalid', 'digest_mismatch']));
      expect([
        'ok',
        'image_invalid',
        'digest_mismatch',
        'platform_mismatch',
        'unsupported',
        'resource_exhausted',
      ]).toEqual(expect.arrayContaining([...codes]));
    },
    120_000,
  );
});
