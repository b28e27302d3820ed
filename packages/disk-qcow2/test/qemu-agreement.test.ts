import { execFileSync } from 'node:child_process';
import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { temporaryDirectory } from './temporary-directory.js';

const store = createQcow2DiskStore();
const MIB = 2 ** 20;
const SOUND = { corruptions: 0, leaks: 0 };

let directory: string;
let base: { path: string; format: 'raw' };

beforeEach(async () => {
  directory = await temporaryDirectory();
  base = { path: join(directory, 'base.ext4'), format: 'raw' };
  await writeFile(base.path, '');
  await truncate(base.path, 16 * MIB);
});

const disk = (name: string) => join(directory, `${name}.qcow2`);

describe('QEMU accepts a new child', () => {
  it.each([
    ['its base', 16 * MIB],
    ['a whole L1 cluster', 2 ** 42],
    ['several L1 clusters', 2 ** 42 + 512],
    ['the largest there may be', 2 ** 46],
  ])('of the size of %s', async (_, virtualSize) => {
    await store.createChild(disk('child'), base, { virtualSize });
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
    expect(await store.check(disk('child'))).toEqual({ errors: [], leakedClusters: 0 });
    const info = JSON.parse(await qemuImg('info', '--output=json', disk('child')));
    expect(info).toMatchObject({
      format: 'qcow2',
      'virtual-size': virtualSize,
      'cluster-size': 65536,
      'backing-filename': base.path,
      'backing-filename-format': 'raw',
      'format-specific': { data: { compat: '1.1', 'refcount-bits': 16, corrupt: false } },
    });
  });

  it('and writes anywhere in it without adding a table, which would cost a guest three syncs', async () => {
    await store.createChild(disk('child'), base, { virtualSize: 10 * 2 ** 30 });
    const l1Table = async () => (await readFile(disk('child'))).subarray(3 * 65536, 4 * 65536);
    const before = await l1Table();
    await qemuIo(disk('child'), 'qcow2', 'write -P 1 0 4k', 'write -P 2 5G 64k', 'write -P 3 10485756k 4k');
    expect(await l1Table()).toEqual(before);
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
    expect(await store.check(disk('child'))).toEqual({ errors: [], leakedClusters: 0 });
  });

  it('and tells the same backing chain', async () => {
    await store.createChild(disk('first'), base);
    await store.createChild(disk('second'), { path: disk('first'), format: 'qcow2' }, { virtualSize: 32 * MIB });
    const info: Record<string, unknown>[] = JSON.parse(
      await qemuImg('info', '--backing-chain', '--output=json', disk('second')),
    );
    const layers = info.map((entry) => ({
      path: entry.filename,
      format: entry.format,
      virtualSize: entry['virtual-size'],
    }));
    expect(await store.chain(disk('second'))).toEqual(layers);
  });

  it('with a base path of 1023 bytes, and no longer one is written', async () => {
    const deep = join(directory, ...Array.from({ length: 12 }, () => 'd'.repeat(80)));
    const name = (bytes: number) => join(deep, 'b'.repeat(bytes - deep.length - 1));
    execFileSync('mkdir', ['-p', deep]);
    for (const bytes of [1023, 1024]) {
      await writeFile(name(bytes), '');
      await truncate(name(bytes), MIB);
    }
    await store.createChild(disk('child'), { path: name(1023), format: 'raw' });
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
    expect((await store.chain(disk('child')))[1]?.path).toBe(name(1023));
    await expect(store.createChild(disk('other'), { path: name(1024), format: 'raw' })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'base.path' },
    });
  });
});

describe('flatten keeps what a guest wrote', () => {
  it('through a chain of qcow2, qcow2 and raw, and what it did not', async () => {
    await qemuIo(base.path, 'raw', 'write -P 0x11 0 4M', 'write -P 0x12 15M 1M');
    await store.createChild(disk('first'), base, { virtualSize: 20 * MIB });
    await qemuIo(disk('first'), 'qcow2', 'write -P 0x21 1M 1M', 'write -z 3M 512k', 'write -P 0x22 16383k 2k');
    await store.createChild(disk('second'), { path: disk('first'), format: 'qcow2' }, { virtualSize: 1200 * MIB });
    await qemuIo(
      disk('second'),
      'qcow2',
      'write -P 0x31 1536k 64k',
      'write -P 0x32 600M 3M',
      'write -P 0x33 1228796k 4k',
    );

    await store.flatten(disk('second'), disk('flat'));

    expect(await qemuCheck(disk('flat'))).toEqual(SOUND);
    expect(await store.check(disk('flat'))).toEqual({ errors: [], leakedClusters: 0 });
    await qemuIo(
      disk('flat'),
      'qcow2',
      'read -P 0x11 0 1M',
      'read -P 0x21 1M 512k',
      'read -P 0x31 1536k 64k',
      'read -P 0x11 2M 1M',
      'read -P 0 3M 512k',
      'read -P 0 4M 11M',
      'read -P 0x12 15M 1023k',
      'read -P 0x22 16383k 2k',
      'read -P 0x32 600M 3M',
      'read -P 0x33 1228796k 4k',
    );
    expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', disk('second'), disk('flat'))).toContain('identical');
    expect((await stat(disk('flat'))).size).toBeLessThan(12 * MIB);
  });

  it.each([
    ['512-byte clusters', 'cluster_size=512'],
    ['2 MiB clusters', 'cluster_size=2M'],
    ['4 KiB clusters and 1-bit reference counts', 'cluster_size=4k,refcount_bits=1'],
    ['64-bit reference counts', 'refcount_bits=64'],
    ['lazy reference counts', 'lazy_refcounts=on'],
    ['preallocated tables', 'preallocation=metadata'],
  ])('of a disk QEMU made with %s', async (_, options) => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, disk('foreign'), '24M');
    await qemuIo(disk('foreign'), 'qcow2', 'write -P 7 1000k 3000k', 'write -z 2M 100k', 'write -P 9 24575k 1k');
    await store.flatten(disk('foreign'), disk('flat'));
    expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', disk('foreign'), disk('flat'))).toContain(
      'identical',
    );
    expect(await qemuCheck(disk('flat'))).toEqual(SOUND);
    expect(await store.check(disk('foreign'))).toEqual({ errors: [], leakedClusters: 0 });
  });

  it.each([
    ['zlib', '64k'],
    ['zlib', '512'],
    ['zlib', '2M'],
    ['zstd', '64k'],
    ['zstd', '4k'],
    ['zstd', '2M'],
  ])('of a disk compressed with %s in clusters of %s', async (compression, size) => {
    const text = Buffer.alloc(3 * MIB);
    for (let line = 0; line * 32 < text.length; line++) text.write(`line ${line} of a text\n`, line * 32);
    text.fill('x', MIB, 2 * MIB);
    const plain = join(directory, 'text.raw');
    await writeFile(plain, text);
    const packed = disk('packed');
    const options = `cluster_size=${size},compression_type=${compression}`;
    await qemuImg('convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', options, plain, packed);
    expect(await store.check(packed)).toEqual({ errors: [], leakedClusters: 0 });
    await store.flatten(packed, disk('flat'));
    expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', disk('flat'), plain)).toContain('identical');

    // Written over: the packed clusters are freed, and the parts around the write kept.
    const handle = await openDisk(packed, { format: 'qcow2', mode: 'write' });
    for (const offset of [0, 70_001, MIB - 3, 3 * MIB - 9]) {
      await handle.write(offset, Buffer.alloc(9, 0xee));
      text.fill(0xee, offset, offset + 9);
    }
    await handle.close();
    await writeFile(plain, text);
    expect(await qemuCheck(packed)).toEqual(SOUND);
    expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', packed, plain)).toContain('identical');
  });
});

describe('grow', () => {
  it('leaves what was written and adds zeros, beyond one L2 table', async () => {
    await store.createChild(disk('child'), base);
    await qemuIo(disk('child'), 'qcow2', 'write -P 5 15M 1M');
    await store.grow(disk('child'), 3000 * MIB);
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
    await qemuIo(
      disk('child'),
      'qcow2',
      'read -P 5 15M 1M',
      'read -P 0 16M 100M',
      'write -P 6 2999M 1M',
      'read -P 6 2999M 1M',
    );
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
  });

  it('works on a disk of QEMU, whose file ends with its L1 table', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', disk('foreign'), '100M');
    await store.grow(disk('foreign'), 10 * 2 ** 30);
    expect(await qemuCheck(disk('foreign'))).toEqual(SOUND);
    await qemuIo(disk('foreign'), 'qcow2', 'write -P 6 10239M 1M', 'read -P 6 10239M 1M');
  });

  it('up to what its L1 table can map, and says where the end is', async () => {
    await store.createChild(disk('child'), base);
    await store.grow(disk('child'), 2 ** 42);
    expect(await qemuCheck(disk('child'))).toEqual(SOUND);
    await expect(store.grow(disk('child'), 2 ** 42 + 512)).rejects.toMatchObject({
      code: 'unsupported',
      details: { most: 2 ** 42 },
    });
  });

  it('never lets bytes of a larger base appear', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', base.path, '-F', 'raw', disk('small'), '1M');
    await expect(store.grow(disk('small'), 16 * MIB)).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('check comes to the verdict of qemu-img check', () => {
  const damages: [string, (write: (offset: number, value: bigint) => Promise<void>) => Promise<void>][] = [
    ['a leaked cluster', (write) => write(4 * 65536, 0n)],
    ['a reference count that is too low', (write) => write(2 * 65536, 0x0001_0000_0001_0001n)],
    ['an L1 entry inside a cluster', (write) => write(3 * 65536, 0x8000_0000_0004_0200n)],
    ['an L1 entry outside the file', (write) => write(3 * 65536, 0x8000_0000_7000_0000n)],
    ['an L1 entry naming the header', (write) => write(3 * 65536 + 8, 0x8000_0000_0004_0000n)],
    ['an L1 entry not marked as copied', (write) => write(3 * 65536, 0x0000_0000_0004_0000n)],
    ['an L2 entry outside the file', (write) => write(4 * 65536, 0x8000_0000_7000_0000n)],
    ['an L2 entry inside a cluster', (write) => write(4 * 65536, 0x8000_0000_0005_0200n)],
    ['an L2 entry with reserved bits', (write) => write(4 * 65536, 0x8000_0000_0005_0010n)],
    ['an L2 entry not marked as copied', (write) => write(4 * 65536, 0x0000_0000_0005_0000n)],
    ['two L2 entries for one cluster', (write) => write(4 * 65536 + 8, 0x8000_0000_0005_0000n)],
    ['a missing refcount block', (write) => write(65536, 0n)],
    ['a refcount block inside a cluster', (write) => write(65536, 0x2_0200n)],
    ['a refcount block outside the file', (write) => write(65536, 0x7000_0000n)],
  ];

  it.each(damages)('for %s', async (_, damage) => {
    await qemuImg('create', '-q', '-f', 'qcow2', disk('hurt'), '2G');
    await qemuIo(disk('hurt'), 'qcow2', 'write -P 1 0 256k');
    const handle = await open(disk('hurt'), 'r+');
    await damage(async (offset, value) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(value);
      await handle.write(bytes, 0, 8, offset);
    });
    await handle.close();
    const verdict = await qemuCheck(disk('hurt'));
    const { errors, leakedClusters } = await store.check(disk('hurt'));
    expect({ broken: errors.length > 0, leaking: leakedClusters }, errors.join('\n')).toEqual({
      broken: verdict.corruptions > 0,
      leaking: verdict.leaks,
    });
    expect(errors.length > 0 || leakedClusters > 0).toBe(true);
  });
});
