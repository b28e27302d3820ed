import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { temporaryDirectory } from './temporary-directory.js';

const store = createQcow2DiskStore();
const SOUND = { corruptions: 0, leaks: 0 };

it.each([
  [512, 16],
  [65_536, 16],
  [65_536, 64],
])(
  'a write to clusters a snapshot shares copies them, and the snapshot keeps its own: clusters of %d, counts of %d bits',
  async (clusterBytes, refcountBits) => {
    const path = join(await temporaryDirectory(), 'disk');
    const options = `cluster_size=${clusterBytes},refcount_bits=${refcountBits}`;
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, path, '4M');
    await qemuIo(path, 'qcow2', 'write -q -P 1 0 1M', 'write -q -z 1M 64k');
    await qemuImg('snapshot', '-c', 'first', path);
    await qemuIo(path, 'qcow2', 'write -q -P 2 256k 256k');
    await qemuImg('snapshot', '-c', 'second', path);
    expect(await qemuCheck(path)).toEqual(SOUND);
    expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });

    const disk = await openDisk(path, { format: 'qcow2', mode: 'write' });
    await disk.write(100_001, Buffer.alloc(300_000, 3));
    await disk.write(2 ** 20 + 5, Buffer.alloc(7, 4));
    await disk.discard(600_000, 200_000);
    await disk.write(3 * 2 ** 20, Buffer.alloc(100_000, 5));
    await disk.close();

    expect(await qemuCheck(path)).toEqual(SOUND);
    expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });
    await qemuIo(path, 'qcow2', 'read -q -P 1 0 100001', 'read -q -P 3 100001 300000', 'read -q -P 4 1048581 7');
    await qemuImg('snapshot', '-a', 'second', path);
    await qemuIo(
      path,
      'qcow2',
      'read -q -P 1 0 256k',
      'read -q -P 2 256k 256k',
      'read -q -P 1 512k 512k',
      'read -q -P 0 1M 3M',
    );
    await qemuImg('snapshot', '-a', 'first', path);
    await qemuIo(path, 'qcow2', 'read -q -P 1 0 1M', 'read -q -P 0 1M 3M');
    await qemuImg('snapshot', '-d', 'first', path);
    await qemuImg('snapshot', '-d', 'second', path);
    expect(await qemuCheck(path)).toEqual(SOUND);
    expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });
  },
);

it('check finds a snapshot damaged as qemu-img check does', async () => {
  const path = join(await temporaryDirectory(), 'disk');
  await qemuImg('create', '-q', '-f', 'qcow2', path, '4M');
  await qemuIo(path, 'qcow2', 'write -q -P 1 0 1M');
  await qemuImg('snapshot', '-c', 'first', path);
  await qemuIo(path, 'qcow2', 'write -q -P 2 0 64k');
  const bytes = await readFile(path);
  const snapshotTable = Number(bytes.readBigUInt64BE(64));
  const l1 = Number(bytes.readBigUInt64BE(snapshotTable));
  const handle = await open(path, 'r+');
  // No more reference from the snapshot: what it had alone is leaked.
  await handle.write(Buffer.alloc(8), 0, 8, l1);
  await handle.close();
  const verdict = await qemuCheck(path);
  const found = await store.check(path);
  expect({ broken: found.errors.length > 0, leaks: found.leakedClusters }).toEqual({
    broken: verdict.corruptions > 0,
    leaks: verdict.leaks,
  });
  expect(found.leakedClusters).toBeGreaterThan(0);
});

it('a disk with tiny clusters and wide counts grows through several refcount tables', async () => {
  const path = join(await temporaryDirectory(), 'disk');
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=512,refcount_bits=64', path, '16M');
  const before = (await readFile(path)).readBigUInt64BE(48);
  const disk = await openDisk(path, { format: 'qcow2', mode: 'write' });
  for (let at = 0; at < 12 * 2 ** 20; at += 2 ** 20) {
    await disk.write(at + 100, Buffer.alloc(2 ** 20 - 200, 1 + at / 2 ** 20));
    if (at % (3 * 2 ** 20) === 0) await disk.flush();
  }
  await disk.close();
  expect((await readFile(path)).readBigUInt64BE(48)).not.toBe(before);
  expect(await qemuCheck(path)).toEqual(SOUND);
  expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });
  for (let n = 0; n < 12; n++) await qemuIo(path, 'qcow2', `read -q -P ${n + 1} ${n * 2 ** 20 + 100} ${2 ** 20 - 200}`);
});

it('clusters that were freed are used again: a disk written over and over stays as small as its content', async () => {
  const path = join(await temporaryDirectory(), 'disk');
  await qemuImg('create', '-q', '-f', 'qcow2', path, '64M');
  for (let round = 0; round < 6; round++) {
    const disk = await openDisk(path, { format: 'qcow2', mode: 'write' });
    for (let part = 0; part < 3; part++) {
      await disk.write(part * 2 ** 20, Buffer.alloc(4 * 2 ** 20, round + 1));
      await disk.flush();
      await disk.discard(0, 64 * 2 ** 20);
      await disk.flush();
    }
    await disk.close();
  }
  expect((await readFile(path)).length).toBeLessThan(6 * 2 ** 20);
  expect(await qemuCheck(path)).toEqual(SOUND);
});
