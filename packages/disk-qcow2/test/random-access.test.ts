import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { applyToHandle, applyToModel, applyWithQemu, firstDifference, randomChange } from './disk-model.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { seededRandom } from './seeded-random.js';
import { temporaryDirectory } from './temporary-directory.js';

const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_260_102);
const ROUNDS = Number(process.env.BOXLITE_DISK_ROUNDS ?? 6);
const CHANGES_A_ROUND = 12;
const store = createQcow2DiskStore();

type Backing = 'none' | 'raw' | 'qcow2' | 'chain';

/** Cluster bytes, reference count bits, what is below. */
const SHAPES: [number, number, Backing][] = [
  [512, 16, 'none'],
  [512, 1, 'raw'],
  [512, 64, 'qcow2'],
  [1024, 2, 'chain'],
  [4096, 4, 'raw'],
  [4096, 8, 'none'],
  [65_536, 16, 'raw'],
  [65_536, 16, 'chain'],
  [65_536, 32, 'none'],
  [65_536, 64, 'qcow2'],
  [2 ** 20, 16, 'raw'],
  [2 ** 21, 1, 'chain'],
  [2 ** 21, 16, 'none'],
];

it.each(SHAPES)(
  'random writes, zeros and discards by QEMU and by us agree byte for byte: clusters of %d bytes, counts of %d bits, backing %s',
  async (clusterBytes, refcountBits, backing) => {
    const random = seededRandom(SEED + clusterBytes + refcountBits);
    const directory = await temporaryDirectory();
    const diskBytes = Math.ceil((2 ** 20 + random(2 ** 19)) / 512) * 512 + (clusterBytes >= 2 ** 20 ? 9 * 2 ** 20 : 0);
    const path = join(directory, 'disk');
    const model = await makeDisk(directory, path, { clusterBytes, refcountBits, backing, diskBytes, random });

    for (let round = 0; round < ROUNDS; round++) {
      const changes = Array.from({ length: CHANGES_A_ROUND }, () => randomChange(random, diskBytes, clusterBytes));
      for (const change of changes) applyToModel(model, change, clusterBytes);
      if (round % 2 === 0) {
        const disk = await openDisk(path, { format: 'qcow2', mode: 'write', allowedDirectories: [directory] });
        for (const change of changes) {
          await applyToHandle(disk, change);
          if (random(4) === 0) await disk.flush();
        }
        expect(firstDifference(model, await disk.read(0, diskBytes)), `round ${round}, open`).toBeUndefined();
        await disk.close();
      } else await applyWithQemu(path, changes);

      const where = `round ${round} of seed ${SEED}`;
      expect(await qemuCheck(path), where).toEqual({ corruptions: 0, leaks: 0 });
      expect(await store.check(path), where).toEqual({ errors: [], leakedClusters: 0 });
      await using disk = await openDisk(path, { format: 'qcow2' });
      expect(firstDifference(model, await disk.read(0, diskBytes)), where).toBeUndefined();
      for (let n = 0; n < 20; n++) {
        const offset = random(diskBytes);
        const length = random(Math.min(diskBytes - offset, 3 * clusterBytes));
        const found = await disk.read(offset, length);
        expect(firstDifference(model.subarray(offset, offset + length), found), where).toBeUndefined();
      }
    }
    const raw = join(directory, 'judge.raw');
    await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, raw);
    expect(firstDifference(model, await readFile(raw))).toBeUndefined();
    for (const format of ['qcow2', 'raw'] as const) {
      const flat = join(directory, `flat.${format}`);
      await store.flatten(path, flat, undefined, { format });
      expect(await qemuImg('compare', '-f', format, '-F', 'raw', flat, raw)).toContain('identical');
    }
  },
  60_000 + ROUNDS * 20_000,
);

interface Shape {
  readonly clusterBytes: number;
  readonly refcountBits: number;
  readonly backing: Backing;
  readonly diskBytes: number;
  readonly random: (below: number) => number;
  readonly version?: 2 | 3;
}

/** @returns what the disk holds */
async function makeDisk(directory: string, path: string, shape: Shape): Promise<Buffer> {
  const { clusterBytes, refcountBits, backing, diskBytes, random, version = 3 } = shape;
  const options = `cluster_size=${clusterBytes},refcount_bits=${refcountBits},compat=${version === 2 ? '0.10' : '1.1'}`;
  const model = Buffer.alloc(diskBytes);
  let below: readonly [string, string] | undefined;
  const put = async (file: string, format: 'raw' | 'qcow2', bytes: number) => {
    const changes = Array.from({ length: 8 }, () => randomChange(random, bytes, clusterBytes));
    const writes = changes.filter(({ kind }) => kind === 'write');
    for (const change of writes) applyToModel(model, change, clusterBytes);
    await qemuIo(file, format, ...writes.map(({ fill, offset, length }) => `write -q -P ${fill} ${offset} ${length}`));
  };
  if (backing === 'raw' || backing === 'chain') {
    // Shorter than the disk: past its end there are zeros.
    const bytes = diskBytes - 512 * (1 + random(600));
    const base = join(directory, 'base.raw');
    await writeFile(base, '');
    await truncate(base, bytes);
    await put(base, 'raw', bytes);
    below = [base, 'raw'];
  }
  if (backing === 'qcow2' || backing === 'chain') {
    const middle = join(directory, 'middle.qcow2');
    const over = below === undefined ? [] : ['-b', below[0], '-F', below[1]];
    await qemuImg('create', '-q', '-f', 'qcow2', ...over, middle, String(diskBytes));
    await put(middle, 'qcow2', diskBytes);
    below = [middle, 'qcow2'];
  }
  const over = below === undefined ? [] : ['-b', below[0], '-F', below[1]];
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, ...over, path, String(diskBytes));
  return model;
}

it.each([
  ['none', 512],
  ['raw', 65_536],
  ['chain', 2 ** 20],
] as const)(
  'a version 2 disk that QEMU writes at random is read byte for byte: backing %s, clusters of %d bytes',
  async (backing, clusterBytes) => {
    const random = seededRandom(SEED + clusterBytes);
    const directory = await temporaryDirectory();
    const diskBytes = 2 ** 22 - 512;
    const path = join(directory, 'disk');
    const model = await makeDisk(directory, path, {
      clusterBytes,
      refcountBits: 16,
      backing,
      diskBytes,
      random,
      version: 2,
    });
    // What QEMU discards of a version 2 disk is not zeros.
    const changes = Array.from({ length: 30 }, () => randomChange(random, diskBytes, clusterBytes)).filter(
      ({ kind }) => kind !== 'discard',
    );
    for (const change of changes) applyToModel(model, change, clusterBytes);
    await applyWithQemu(path, changes);
    await using disk = await openDisk(path, { format: 'qcow2', allowedDirectories: [directory] });
    expect(firstDifference(model, await disk.read(0, diskBytes))).toBeUndefined();
    expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });
  },
);

it('a raw disk is written and read at any offset, and discards leave it as it is', async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, 'disk.raw');
  await writeFile(path, Buffer.alloc(100_000, 7));
  await using disk = await openDisk(path, { format: 'raw', mode: 'write' });
  expect(disk.virtualSize).toBe(Math.ceil(100_000 / 512) * 512);
  await disk.write(99_990, Buffer.from('a text over the end'));
  await disk.writeZeroes(3, 5);
  await disk.discard(0, 4096);
  await disk.flush();
  const bytes = await readFile(path);
  expect(bytes.subarray(0, 10)).toEqual(Buffer.from([7, 7, 7, 0, 0, 0, 0, 0, 7, 7]));
  expect((await disk.read(99_990, 19)).toString()).toBe('a text over the end');
  expect((await readFile(path)).length).toBe(100_009);
});

it('calls that overlap are done one after another', async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, 'disk');
  await qemuImg('create', '-q', '-f', 'qcow2', path, '1M');
  const disk = await openDisk(path, { format: 'qcow2', mode: 'write' });
  const work = Array.from({ length: 50 }, (_, n) => disk.write(n * 1000, Buffer.alloc(3000, n + 1)));
  const read = disk.read(0, 52_000);
  await Promise.all([...work, disk.close()]);
  const bytes = await read;
  for (let n = 0; n < 50; n++) expect(bytes[n * 1000 + 500]).toBe(n + 1);
  await expect(disk.read(0, 1)).rejects.toMatchObject({ code: 'invalid_state' });
  expect(await qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });
});

it('what a disk cannot do is refused with its reason, and leaves it as it was', async () => {
  const directory = await temporaryDirectory();
  const old = join(directory, 'old');
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', old, '1M');
  await expect(openDisk(old, { format: 'qcow2', mode: 'write' })).rejects.toMatchObject({ code: 'unsupported' });
  const path = join(directory, 'disk');
  await qemuImg('create', '-q', '-f', 'qcow2', path, '1M');
  await using disk = await openDisk(path, { format: 'qcow2' });
  await expect(disk.write(0, Buffer.alloc(1))).rejects.toMatchObject({ code: 'invalid_state' });
  for (const [offset, length] of [
    [-1, 1],
    [0.5, 1],
    [2 ** 20, 1],
    [0, 2 ** 20 + 1],
    [Number.NaN, 0],
  ] as const) {
    await expect(disk.read(offset, length)).rejects.toMatchObject({ code: 'invalid_argument' });
  }
  const handle = await open(path, 'r+');
  await handle.write(Buffer.from([1]), 0, 1, 79);
  await handle.close();
  await expect(openDisk(path, { format: 'qcow2', mode: 'write' })).rejects.toMatchObject({ code: 'invalid_state' });
});
