import { execFileSync } from 'node:child_process';
import { link, open, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createQcow2DiskStore } from '../src/index.js';
import { qemuImg, qemuIo } from './qemu-tools.js';
import { temporaryDirectory } from './temporary-directory.js';

const store = createQcow2DiskStore();
const CLUSTER = 65_536n;
let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

const disk = (name: string) => join(directory, name);

/** A chain of QEMU's making: the first file has no backing file. */
async function qemuChain(...names: string[]): Promise<void> {
  for (const [index, name] of names.entries()) {
    const below = names[index - 1];
    const backing = below === undefined ? [] : ['-u', '-b', disk(below), '-F', 'qcow2'];
    await qemuImg('create', '-q', '-f', 'qcow2', ...backing, disk(name), '1M');
  }
}

async function writeWords(path: string, words: readonly (readonly [number | bigint, bigint])[]): Promise<void> {
  const handle = await open(path, 'r+');
  for (const [offset, value] of words) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    await handle.write(bytes, 0, 8, Number(offset));
  }
  await handle.close();
}

describe('a backing chain', () => {
  const chainError = { code: 'disk_chain_invalid' };

  it('of a disk that is its own backing file is a loop, also through a hard link', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', disk('self'), '-F', 'qcow2', disk('new'), '1M');
    await rename(disk('new'), disk('self'));
    await expect(store.chain(disk('self'))).rejects.toMatchObject(chainError);
    await expect(store.flatten(disk('self'), disk('flat'))).rejects.toMatchObject(chainError);
    await expect(store.grow(disk('self'), 2 ** 21)).rejects.toMatchObject(chainError);
    await link(disk('self'), disk('other-name'));
    await expect(store.chain(disk('other-name'))).rejects.toMatchObject(chainError);
  });

  it('of two files naming each other is a loop', async () => {
    await qemuChain('a', 'b', 'c');
    await rename(disk('c'), disk('a'));
    await expect(store.chain(disk('b'))).rejects.toMatchObject({ ...chainError, message: /loop/ });
  });

  it('of eight files is read, of nine refused, and no child is made over eight', async () => {
    await qemuChain('1', '2', '3', '4', '5', '6', '7', '8', '9');
    expect(await store.chain(disk('8'))).toHaveLength(8);
    await expect(store.chain(disk('9'))).rejects.toMatchObject({ ...chainError, message: /more than 8 files/ });
    const over = (name: string) => store.createChild(disk(`over-${name}`), { path: disk(name), format: 'qcow2' });
    await over('7');
    await expect(over('8')).rejects.toMatchObject({ ...chainError, hint: /flatten/ });
  });

  it('with a relative name starts at the directory of the overlay', async () => {
    await qemuChain('base');
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', 'base', '-F', 'qcow2', disk('child'), '1M');
    expect((await store.chain(disk('child')))[1]?.path).toBe(disk('base'));
    expect(await store.backingPath(disk('child'))).toBe(disk('base'));
  });

  it('never follows a symbolic link to a backing file, and never sniffs a format', async () => {
    await qemuChain('secret');
    await symlink(disk('secret'), disk('link'));
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', disk('link'), '-F', 'qcow2', disk('child'), '1M');
    await expect(store.chain(disk('child'))).rejects.toMatchObject({
      code: 'disk_invalid',
      details: { field: 'path' },
    });
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', disk('secret'), '-F', 'raw', disk('child'), '1M');
    expect((await store.chain(disk('child'))).map(({ format }) => format)).toEqual(['qcow2', 'raw']);
  });
});

describe('what is not a regular file', () => {
  it('is refused at once, a FIFO and a device too', async () => {
    execFileSync('mkfifo', [disk('fifo')]);
    for (const path of [disk('fifo'), '/dev/zero', directory]) {
      const attempts = [() => store.chain(path, 'raw'), () => store.backingPath(path), () => store.check(path)];
      for (const attempt of attempts) {
        await expect(attempt()).rejects.toMatchObject({ code: 'disk_invalid', details: { field: 'path' } });
      }
    }
  });
});

describe('backingPath', () => {
  it('answers for a disk that is damaged everywhere else', async () => {
    await qemuChain('base', 'child');
    const handle = await open(disk('child'), 'r+');
    await handle.write(Buffer.alloc(80, 0xff), 0, 80, 20);
    await handle.close();
    await expect(store.chain(disk('child'))).rejects.toMatchObject({ code: 'disk_invalid' });
    expect(await store.backingPath(disk('child'))).toBe(disk('base'));
  });

  it('answers for version 2', async () => {
    await qemuChain('base');
    await qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      'compat=0.10',
      '-b',
      disk('base'),
      '-F',
      'qcow2',
      disk('old'),
      '1M',
    );
    expect(await store.backingPath(disk('old'))).toBe(disk('base'));
  });

  it.each([
    ['an offset at 2^63', 8, 1n << 63n],
    ['an offset outside the file', 8, 2n ** 30n],
    ['a length of 4 GiB', 16, 0xffffffff_00000010n],
    ['a length of nothing', 16, 16n],
    ['an unknown version', 0, 0x514649fb_00000009n],
  ])('throws rather than guess with %s', async (_, offset, value) => {
    await qemuChain('base', 'child');
    await writeWords(disk('child'), [[offset, value]]);
    await expect(store.backingPath(disk('child'))).rejects.toMatchObject({ code: 'disk_invalid' });
  });
});

describe('tables that lie', () => {
  beforeEach(async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', disk('hurt'), '2G');
    await qemuIo(disk('hurt'), 'qcow2', 'write -P 1 0 256k');
  });

  it.each([
    ['an L1 entry outside the file', 'l1_table', 3n * CLUSTER, 0x8000_7000_0000_0000n],
    ['an L1 entry inside a cluster', 'l1_table', 3n * CLUSTER, 0x8000_0000_0004_0200n],
    ['an L1 entry with reserved bits', 'l1_table', 3n * CLUSTER, 0xff00_0000_0004_0000n],
    ['an L2 entry outside the file', 'l2_table', 4n * CLUSTER, 0x8000_7000_0000_0000n],
    ['an L2 entry inside a cluster', 'l2_table', 4n * CLUSTER, 0x8000_0000_0005_0200n],
    ['an L2 entry with reserved bits', 'l2_table', 4n * CLUSTER, 0xbf00_0000_0005_0000n],
    ['a compressed cluster outside the file', 'l2_table', 4n * CLUSTER, 0x4000_7000_0000_0000n],
    ['a compressed cluster that is none', 'compressed_cluster', 4n * CLUSTER, 0x4000_0000_0005_0000n],
  ])('make flatten throw disk_invalid and leave nothing: %s', async (_, field, offset, value) => {
    await writeWords(disk('hurt'), [[offset, value]]);
    await expect(store.flatten(disk('hurt'), disk('flat'))).rejects.toMatchObject({
      code: 'disk_invalid',
      details: { field },
    });
    expect(execFileSync('ls', ['-A', directory], { encoding: 'utf8' })).toBe('hurt\n');
    // What a compressed cluster holds is no matter of reference counts.
    expect((await store.check(disk('hurt'))).errors.length > 0).toBe(field !== 'compressed_cluster');
  });

  it('cannot make flatten write one cluster over and over', async () => {
    const entries = Array.from(
      { length: 8192 },
      (_, n) => [4n * CLUSTER + BigInt(n * 8), 0x8000_0000_0005_0000n] as const,
    );
    await writeWords(disk('hurt'), entries);
    await expect(store.flatten(disk('hurt'), disk('flat'))).rejects.toMatchObject({
      code: 'disk_invalid',
      message: /used twice/,
    });
  });

  it('cannot make check read one table over and over, nor keep millions of messages', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', disk('wide'), '64T');
    const table = Buffer.alloc(131_072 * 8);
    for (let at = 0; at < table.length; at += 8) table.writeBigUInt64BE(0x8000_0000_0020_0000n, at);
    const handle = await open(disk('wide'), 'r+');
    await handle.truncate(64 * 65_536);
    await handle.write(table, 0, table.length, 3 * 65_536);
    await handle.close();
    const started = performance.now();
    const { errors } = await store.check(disk('wide'));
    expect(errors.length).toBe(101);
    expect(errors.at(-1)).toMatch(/^and \d+ more$/);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('of a file with a huge apparent size are not checked, with a reason', async () => {
    await truncate(disk('hurt'), 2 ** 42);
    await expect(store.check(disk('hurt'))).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('flatten', () => {
  it('that is aborted in the middle throws aborted and leaves nothing', async () => {
    await writeFile(disk('base.raw'), Buffer.alloc(64 * 2 ** 20, 7));
    await store.createChild(disk('child'), { path: disk('base.raw'), format: 'raw' });
    const controller = new AbortController();
    let looks = 0;
    const signal = new Proxy(controller.signal, {
      get: (target, property) => {
        if (property === 'aborted' && ++looks === 20) controller.abort(new Error('enough'));
        return Reflect.get(target, property, target);
      },
    });
    await expect(store.flatten(disk('child'), disk('flat'), signal)).rejects.toMatchObject({ code: 'aborted' });
    expect(looks).toBe(20);
    expect(execFileSync('ls', ['-A', directory], { encoding: 'utf8' })).toBe('base.raw\nchild\n');
  });
});
