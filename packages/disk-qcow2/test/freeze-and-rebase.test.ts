import { link, mkdir, open, readdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskBase } from '@boxlite/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { temporaryDirectory } from './temporary-directory.js';

const store = createQcow2DiskStore();
const SOUND = { corruptions: 0, leaks: 0 };
const MIB = 2 ** 20;
let directory: string;
let base: DiskBase;
const at = (name: string) => join(directory, name);

beforeEach(async () => {
  directory = await temporaryDirectory();
  base = { path: at('base.ext4'), format: 'raw' };
  await writeFile(base.path, Buffer.alloc(4 * MIB, 1));
});

describe('freeze', () => {
  it.each([[false], [true]])(
    'keeps what was written in a base, which later writes do not change, flat: %s',
    async (flat) => {
      const disk = await store.createChild(at('disk'), base, { virtualSize: 8 * MIB });
      await qemuIo(disk.path, 'qcow2', 'write -q -P 2 1M 1M');
      const frozen = await store.freeze(disk.path, at('first'), { flat });
      expect(frozen).toEqual({
        base: { path: at('first'), format: 'qcow2', virtualSize: 8 * MIB },
        child: { path: at('disk'), format: 'qcow2', virtualSize: 8 * MIB },
      });
      await qemuIo(at('disk'), 'qcow2', 'write -q -P 3 1M 4k');
      const clone = await store.createChild(at('clone'), frozen.base);
      await qemuIo(clone.path, 'qcow2', 'read -q -P 1 0 1M', 'read -q -P 2 1M 1M', 'write -q -P 4 0 1M');
      await qemuIo(at('disk'), 'qcow2', 'read -q -P 1 0 1M', 'read -q -P 3 1M 4k', 'read -q -P 2 1028k 1020k');
      for (const name of ['disk', 'first', 'clone']) expect(await qemuCheck(at(name))).toEqual(SOUND);
      const paths = (await store.chain(at('disk'))).map(({ path }) => path);
      expect(paths).toEqual(flat ? [at('disk'), at('first')] : [at('disk'), at('first'), base.path]);
      expect((await stat(at('first'))).mode & 0o777).toBe(0o600);
      expect((await readdir(directory)).filter((name) => name.endsWith('.staged'))).toEqual([]);
    },
  );

  it('again after a kill between its two steps ends what was begun', async () => {
    await store.createChild(at('disk'), base);
    await qemuIo(at('disk'), 'qcow2', 'write -q -P 2 0 64k');
    await link(at('disk'), at('frozen'));
    await store.freeze(at('disk'), at('frozen'));
    expect((await stat(at('disk'))).ino).not.toBe((await stat(at('frozen'))).ino);
    await qemuIo(at('disk'), 'qcow2', 'read -q -P 2 0 64k');
  });

  it('never takes the place of another file, and goes no deeper than a chain may be', async () => {
    await store.createChild(at('disk'), base);
    await writeFile(at('taken'), 'mine');
    await expect(store.freeze(at('disk'), at('taken'))).rejects.toMatchObject({ code: 'already_exists' });
    await expect(store.freeze(at('disk'), at('taken'), { flat: true })).rejects.toMatchObject({
      code: 'already_exists',
    });
    expect(await readFile(at('taken'), 'utf8')).toBe('mine');
    for (let n = 0; n < 6; n++) await store.freeze(at('disk'), at(`base-${n}`));
    await expect(store.freeze(at('disk'), at('one-more'))).rejects.toMatchObject({ code: 'disk_chain_invalid' });
    expect(await readdir(directory)).not.toContain('one-more');
    await expect(store.freeze(at('disk'), at('flat'), { flat: true })).rejects.toMatchObject({
      code: 'disk_chain_invalid',
    });
  });

  it('refuses a disk whose backing file has a relative name, which would lead elsewhere', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.ext4', '-F', 'raw', at('disk'));
    await expect(store.freeze(at('disk'), at('frozen'))).rejects.toMatchObject({ code: 'unsupported' });
    expect(await readdir(directory)).not.toContain('frozen');
  });
});

describe('rebase', () => {
  it('follows a base that has moved, back and forth, with another format and longer or shorter names', async () => {
    await store.createChild(at('disk'), base);
    await qemuIo(at('disk'), 'qcow2', 'write -q -P 2 0 64k');
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', base.path, at('converted'));
    const names = ['a', 'b'.repeat(200), 'c'.repeat(40), 'd'.repeat(240)];
    for (const name of names) {
      for (const format of ['raw', 'qcow2'] as const) {
        const moved = at(`${name}.${format}`);
        await link(format === 'raw' ? base.path : at('converted'), moved);
        await store.rebase(at('disk'), { path: moved, format });
        expect((await store.chain(at('disk')))[1]).toMatchObject({ path: moved, format });
        const info = JSON.parse(await qemuImg('info', '--output=json', at('disk')));
        expect(info).toMatchObject({ 'backing-filename': moved, 'backing-filename-format': format });
        await qemuIo(at('disk'), 'qcow2', 'read -q -P 2 0 64k', 'read -q -P 1 64k 1M');
        expect(await qemuCheck(at('disk'))).toEqual(SOUND);
      }
    }
  });

  it('works on disks QEMU made, and says when there is no room or no base', async () => {
    for (const options of ['cluster_size=64k', 'compat=0.10', 'cluster_size=512']) {
      await qemuImg('create', '-q', '-f', 'qcow2', '-o', options, '-b', base.path, '-F', 'raw', at('foreign'));
      const deep = at(options.endsWith('512') ? 'd'.repeat(200) : 'd');
      await mkdir(deep, { recursive: true });
      const moved = join(deep, `${'e'.repeat(200)}-${options}`);
      await link(base.path, moved);
      const rebased = store.rebase(at('foreign'), { path: moved, format: 'raw' });
      if (options.endsWith('512')) {
        await expect(rebased).rejects.toMatchObject({ code: 'unsupported' });
        continue;
      }
      await rebased;
      await qemuIo(at('foreign'), 'qcow2', 'read -q -P 1 0 1M');
      expect(await qemuCheck(at('foreign'))).toEqual(SOUND);
    }
    await qemuImg('create', '-q', '-f', 'qcow2', at('alone'), '1M');
    await expect(store.rebase(at('alone'), base)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('interrupted after its first write, leaves the old base', async () => {
    await store.createChild(at('disk'), base);
    const before = await readFile(at('disk'));
    await rename(base.path, at('moved'));
    await store.rebase(at('disk'), { path: at('moved'), format: 'raw' });
    const after = await readFile(at('disk'));
    // All that differs besides the new name, which nothing named before, lies in the first sector.
    const name = Buffer.from(at('moved'));
    const nameAt = Number(after.readBigUInt64BE(8));
    const half = Buffer.from(before);
    name.copy(half, nameAt);
    await writeFile(at('disk'), half);
    expect(await store.backingPath(at('disk'))).toBe(base.path);
    after.copy(half, 0, 0, 512);
    expect(half.equals(after)).toBe(true);
  });

  it('makes no loop, needs a base that is there, and obeys the allowed directories', async () => {
    const first = await store.createChild(at('first'), base);
    await store.createChild(at('second'), first);
    await expect(store.rebase(at('first'), { path: at('second'), format: 'qcow2' })).rejects.toMatchObject({
      code: 'disk_chain_invalid',
    });
    await expect(store.rebase(at('first'), { path: at('gone'), format: 'raw' })).rejects.toMatchObject({
      code: 'not_found',
    });
    const narrow = createQcow2DiskStore({ allowedDirectories: [at('elsewhere')] });
    await expect(narrow.rebase(at('first'), base)).rejects.toMatchObject({ code: 'disk_chain_invalid' });
    expect(await store.backingPath(at('first'))).toBe(base.path);
  });
});

describe('repair', () => {
  it('frees leaked clusters, and leaves a disk with errors as it is', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', at('disk'), '64M');
    await qemuIo(at('disk'), 'qcow2', 'write -q -P 1 0 1M');
    const handle = await open(at('disk'), 'r+');
    await handle.write(Buffer.alloc(8 * 10), 0, 80, 4 * 65_536);
    await handle.close();
    expect((await store.check(at('disk'))).leakedClusters).toBe(10);
    expect(await store.repair(at('disk'))).toEqual({ errors: [], leakedClusters: 0 });
    expect(await qemuCheck(at('disk'))).toEqual(SOUND);
    await qemuIo(at('disk'), 'qcow2', 'read -q -P 0 0 640k', 'read -q -P 1 640k 384k');

    const broken = await open(at('disk'), 'r+');
    await broken.write(Buffer.alloc(8, 0xff), 0, 8, 3 * 65_536);
    await broken.close();
    const before = await readFile(at('disk'));
    expect((await store.repair(at('disk'))).errors.length).toBeGreaterThan(0);
    expect((await readFile(at('disk'))).equals(before)).toBe(true);
  });
});

describe('version 2', () => {
  it('is read, checked, flattened, and a base for children', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', '-b', base.path, '-F', 'raw', at('old'), '8M');
    await qemuIo(at('old'), 'qcow2', 'write -q -P 5 2M 1M', 'write -q -P 6 7M 4k');
    expect(await store.check(at('old'))).toEqual({ errors: [], leakedClusters: 0 });
    await using disk = await openDisk(at('old'), { format: 'qcow2' });
    expect([(await disk.read(0, 1))[0], (await disk.read(2 * MIB, 1))[0], (await disk.read(5 * MIB, 1))[0]]).toEqual([
      1, 5, 0,
    ]);
    for (const format of ['raw', 'qcow2'] as const) {
      await store.flatten(at('old'), at(`flat.${format}`), undefined, { format });
      const same = await qemuImg('compare', '-f', 'qcow2', '-F', format, at('old'), at(`flat.${format}`));
      expect(same).toContain('identical');
    }
    await store.createChild(at('child'), { path: at('old'), format: 'qcow2' });
    const child = await openDisk(at('child'), { format: 'qcow2', mode: 'write' });
    await child.write(2 * MIB + 1, Buffer.alloc(1, 7));
    await child.close();
    await qemuIo(at('child'), 'qcow2', 'read -q -P 5 2M 1', 'read -q -P 7 2097153 1', 'read -q -P 5 2097154 100k');
    await expect(store.grow(at('old'), 16 * MIB)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('has no clusters of zeros: such an entry is refused', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', at('old'), '1M');
    await qemuIo(at('old'), 'qcow2', 'write -q -P 5 0 64k');
    const bytes = await readFile(at('old'));
    const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40))) & 0xff_ffff_ffff_ff00n);
    bytes.writeUInt8(1, l2 + 7);
    await writeFile(at('old'), bytes);
    await using disk = await openDisk(at('old'), { format: 'qcow2' });
    await expect(disk.read(0, 1)).rejects.toMatchObject({ code: 'disk_invalid', details: { field: 'l2_table' } });
    expect((await store.check(at('old'))).errors).toHaveLength(1);
  });
});

it('flatten to raw leaves holes where there are zeros', async () => {
  await truncate(base.path, 64 * MIB);
  await store.createChild(at('disk'), base);
  await qemuIo(at('disk'), 'qcow2', 'write -q -P 3 32M 4k', 'write -q -z 0 1M');
  const flat = await store.flatten(at('disk'), at('flat'), undefined, { format: 'raw' });
  expect(flat).toEqual({ path: at('flat'), format: 'raw', virtualSize: 64 * MIB });
  const { size, blocks } = await stat(at('flat'));
  expect(size).toBe(64 * MIB);
  expect(blocks * 512).toBeLessThan(3 * MIB + 65_536);
  expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', at('disk'), at('flat'))).toContain('identical');
});
