import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { buildDisk, streamOf } from './support/build.js';
import { checkFileSystem, isRoot, scanImage, temporaryDirectory } from './support/host.js';
import { seededRandom } from './support/seeded-random.js';
import { type TarEntrySpec, writeTar } from './support/write-tar.js';

const MIB = 1024 ** 2;
const ROUNDS = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? (process.env.BOXLITE_TEST_FULL ? 5000 : 150));
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 4711);
/** How a hostile layer may fail. Anything else, `internal` above all, is a bug. */
const ALLOWED = new Set(['layer_invalid', 'layer_escapes', 'resource_exhausted']);

type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

const COMPONENTS = [
  'a',
  'b',
  'c',
  'd',
  '.',
  '..',
  '',
  '.wh.a',
  '.wh.b',
  '.wh..wh..opq',
  '.wh.',
  '\xff',
  'lost+found',
  'n'.repeat(250),
];
const TYPES = [
  'file',
  'file',
  'directory',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
] as const;

function hostileName(random: Random): string {
  const name = Array.from({ length: 1 + random(4) }, () => pick(random, COMPONENTS)).join('/');
  return `${random(5) === 0 ? '/' : ''}${name}`.slice(0, random(30) === 0 ? 5000 : 95);
}

function hostileEntry(random: Random): TarEntrySpec {
  const type = pick(random, TYPES);
  const content = pick(random, ['', 'x', Buffer.alloc(random(20_000), random(2) * 7)]);
  return {
    name: hostileName(random) || 'a',
    type,
    mode: random(0o10000),
    uid: pick(random, [0, 1000, 2 ** 32 - 1]),
    gid: random(2 ** 31),
    mtime: pick(random, [0, -(2 ** 35), 2 ** 36, random(2 ** 31)]),
    linkName: hostileName(random).slice(0, 95),
    device: [random(4200), random(1_100_000)],
    ...(type === 'file' ? { content } : {}),
    ...(random(6) === 0 ? { pax: hostilePax(random) } : {}),
  };
}

function hostilePax(random: Random): Record<string, string | Buffer> {
  const key = pick(random, [
    'mtime',
    'uid',
    'size',
    'path',
    'linkpath',
    'SCHILY.xattr.user.x',
    'SCHILY.xattr.security.capability',
    'SCHILY.xattr.system.posix_acl_access',
    'GNU.sparse.major',
    'GNU.sparse.map',
    'comment',
  ]);
  return {
    [key]: pick(random, [
      '1',
      '-1.5',
      '',
      'x',
      '0,1',
      `${hostileName(random)}`,
      Buffer.alloc(random(6000), random(256)),
    ]),
  };
}

async function convertHostile(layers: readonly Buffer[], seed: number, random: Random): Promise<'built' | 'refused'> {
  const target = join(await temporaryDirectory(), 'disk.ext4');
  try {
    await buildImageDisk({
      layers: layers.map((layer) => streamOf(layer, 1 + random(70_000))),
      target,
      sizeBytes: 8 * MIB,
      journal: false,
      maxBytes: 64 * MIB,
    });
  } catch (thrown) {
    const code = BoxliteError.isInstance(thrown) ? thrown.code : 'no BoxliteError';
    if (!ALLOWED.has(code))
      throw new Error(`BOXLITE_FUZZ_SEED=${seed} BOXLITE_FUZZ_ROUNDS=1 failed with ${code}`, { cause: thrown });
    return 'refused';
  }
  try {
    await checkFileSystem(target);
  } catch (thrown) {
    throw new Error(`BOXLITE_FUZZ_SEED=${seed} BOXLITE_FUZZ_ROUNDS=1 gave a damaged disk`, { cause: thrown });
  }
  await rm(target);
  return 'built';
}

describe('hostile layers', () => {
  it(`of ${ROUNDS} random images give a sound disk or a typed error`, { timeout: 600_000 }, async () => {
    const outcomes = { built: 0, refused: 0 };
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      const random = seededRandom(seed);
      const isKind = random(2) === 0;
      const layers = Array.from({ length: 1 + random(3) }, () => {
        const entries = Array.from({ length: random(25) }, () => hostileEntry(random));
        // Half of the images are free of what is refused at once, so that trees get deep enough to be interesting.
        return writeTar(isKind ? entries.filter(isHarmless) : entries);
      });
      outcomes[await convertHostile(layers, seed, random)]++;
    }
    expect(outcomes.built).toBeGreaterThan(ROUNDS / 10);
    expect(outcomes.refused).toBeGreaterThan(ROUNDS / 10);
  });

  it(`with random bytes changed, in ${ROUNDS} archives, give a sound disk or a typed error`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      const random = seededRandom(seed);
      const archive = writeTar(Array.from({ length: 8 }, () => hostileEntry(random)).filter(isHarmless));
      for (let change = 0; change <= random(6); change++) archive[random(archive.length)] = random(256);
      // With a right checksum the damage reaches the code behind it.
      if (random(3) > 0) repairChecksums(archive);
      await convertHostile(
        [archive.subarray(0, random(4) === 0 ? random(archive.length) : archive.length)],
        seed,
        random,
      );
    }
  });

  it.each([
    ['the parent directory', { name: '../../etc/cron.d/evil', content: 'x' }, 'name'],
    ['a parent hidden in the middle', { name: 'a/b/../../../evil', content: 'x' }, 'name'],
    ['a directory outside', { name: '../evil', type: 'directory' }, 'name'],
    ['a whiteout outside', { name: '../.wh.passwd', content: '' }, 'name'],
    ['a hard link to a file outside', { name: 'a', type: 'hardlink', linkName: '../../../../etc/shadow' }, 'linkName'],
  ] as [string, TarEntrySpec, string][])(
    'naming %s are refused with the name of the entry',
    async (_what, entry, field) => {
      await expect(buildDisk([[entry]])).rejects.toMatchObject({
        code: 'layer_escapes',
        details: { field, entry: entry.name },
      });
    },
  );

  it.skipIf(!isRoot)(
    'with absolute and climbing names and links stay inside the image (needs root: mounts)',
    async () => {
      const { path } = await buildDisk([
        [
          { name: '/etc/absolute', content: 'in' },
          { name: 'up', type: 'symlink', linkName: '../../../../../../tmp' },
          { name: 'up/through', content: 'in' },
          { name: 'abs', type: 'symlink', linkName: '/etc' },
          { name: 'abs/hard', type: 'hardlink', linkName: 'abs/absolute' },
        ],
      ]);
      expect(Object.keys(await scanImage(path)).sort()).toEqual(
        ['/', '/abs', '/etc', '/etc/absolute', '/etc/hard', '/tmp', '/tmp/through', '/up'].sort(),
      );
    },
  );

  it('nested as deep as a path can be are no trouble', async () => {
    const deep = 'd/'.repeat(2000);
    const { path } = await buildDisk([[{ name: `${deep}file`, content: 'bottom' }], [{ name: '.wh.d', content: '' }]]);
    await checkFileSystem(path);
    await checkFileSystem((await buildDisk([[{ name: `${deep}file`, content: 'bottom' }]])).path);
  });
});

function isHarmless({ name, linkName, type, pax, device }: TarEntrySpec): boolean {
  const links = type === 'hardlink' || (type === 'symlink' && linkName === '');
  return (
    !`${name}/`.includes('../') &&
    !name.endsWith('.wh.') &&
    !links &&
    pax === undefined &&
    device![0] < 4096 &&
    device![1] < 2 ** 20
  );
}

function repairChecksums(archive: Buffer): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    if (archive.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    archive.fill(' ', at + 148, at + 156);
    const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
}
