import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryHash } from '../src/ext4/directory-hash.js';
import { skeletonLayer } from '../src/index.js';
import { buildDisk } from './support/build.js';
import { checkFileSystem, isRoot, run, withMount } from './support/host.js';
import { paxRecord, type TarEntrySpec, writeTar } from './support/write-tar.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BUSYBOX: readonly TarEntrySpec[] = [
  { name: 'bin', type: 'directory', mode: 0o755 },
  { name: 'bin/busybox', mode: 0o755, content: await readFile('/bin/busybox') },
  ...['sh', 'ls', 'cat'].map((name): TarEntrySpec => ({ name: `bin/${name}`, type: 'symlink', linkName: 'busybox' })),
];

describe('e2fsck', () => {
  // One group, several, the borders of a group, a last group too small to be one, and sizes people choose.
  it.each([1, 2, 16, 127, 128, 129, 256, 640, 1024, 10_240, 100_000])(
    'finds nothing to mend in a disk of %i MiB',
    async (mib) => {
      for (const journal of mib >= 16 ? [false, true] : [false]) {
        const { path } = await buildDisk([mib < 4 ? [] : BUSYBOX], { sizeBytes: mib * MIB, journal });
        await checkFileSystem(path);
      }
    },
  );

  it('accepts every size around the border of a block group', async () => {
    for (const blocks of [-65, -1, 0, 1, 63, 64, 200, 511]) {
      await checkFileSystem((await buildDisk([BUSYBOX], { sizeBytes: 128 * MIB + blocks * 4096 })).path);
    }
  });

  it('finds groups set up so that a guest kernel has nothing to initialise', async () => {
    const { path } = await buildDisk([BUSYBOX], { sizeBytes: 10 * GIB });
    const dump = await run('dumpe2fs', path);
    const groups = dump.match(/^Group \d+:.*$/gm) ?? [];
    expect(groups).toHaveLength(80);
    expect(groups.filter((line) => !line.includes('ITABLE_ZEROED'))).toEqual([]);
    expect(dump).toMatch(/Filesystem features:.*has_journal.*extent.*64bit.*flex_bg.*metadata_csum/);
    expect(dump).toMatch(/Filesystem state:\s+clean/);
  });
});

describe.skipIf(!isRoot)('a kernel', () => {
  it.each([
    ['with a journal', true],
    ['without a journal', false],
  ])('finds every copy of the superblock right when it mounts a disk %s, and rewrites none', async (_, journal) => {
    const { path } = await buildDisk([BUSYBOX], { sizeBytes: 2 * GIB, journal });
    // The groups of a disk of 16 that have a copy (sparse_super), of 32,768 blocks each.
    const copies = () => Promise.all([1, 3, 5, 7, 9].map((group) => readBlock(path, group * 32_768)));
    const before = await copies();
    await withMount(path, (directory) => writeFile(join(directory, 'file'), 'x'), 'rw');
    expect(await copies()).toEqual(before);
  });
});

async function readBlock(path: string, block: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4096), 0, 4096, block * 4096);
    return buffer;
  } finally {
    await handle.close();
  }
}

describe('a disk', () => {
  it('of busybox with 10 GiB takes a few MiB', async () => {
    const { path, usedBytes } = await buildDisk([BUSYBOX], { sizeBytes: 10 * GIB });
    const { size, blocks } = await stat(path);
    expect(size).toBe(10 * GIB);
    expect(blocks * 512).toBeLessThan(4 * MIB);
    expect(usedBytes).toBeLessThan(256 * MIB);
  });

  it('bears the label it was given, and has a lost+found, the first inode that is not reserved', async () => {
    const { path } = await buildDisk([BUSYBOX], { label: 'sixteen-bytes-ok' });
    expect(await run('dumpe2fs', '-h', path)).toMatch(/^Filesystem volume name: {3}sixteen-bytes-ok$/m);
    expect(await run('debugfs', '-R', 'stat /lost+found', path)).toMatch(/^Inode: 11 +Type: directory +Mode: {2}0700/m);
    await expect(buildDisk([BUSYBOX], { label: 'seventeen-bytes-x' })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'label' },
    });
  });

  it('keeps the lost+found of an image', async () => {
    const { path } = await buildDisk([
      [{ name: 'lost+found', type: 'directory', mode: 0o711, uid: 7 }, { name: 'lost+found/file' }],
    ]);
    const found = await run('debugfs', '-R', 'stat /lost+found', path);
    expect(found).toMatch(/^Inode: 11 +Type: directory +Mode: {2}0711/m);
    expect(found).toMatch(/User: +7 /);
    expect(await run('debugfs', '-R', 'stat /lost+found/file', path)).toContain('Type: regular');
  });

  it('has inodes and blocks to spare', async () => {
    const many = Array.from(
      { length: 20_000 },
      (_, index): TarEntrySpec => ({ name: `d${index % 50}/${index}`, type: 'fifo' }),
    );
    const { path } = await buildDisk([many], { sizeBytes: 64 * MIB });
    const header = await run('dumpe2fs', '-h', path);
    const free = Number(/^Free inodes: +(\d+)$/m.exec(header)?.[1]);
    // A disk of 64 MiB has 4096 by the usual ratio: here the image says how many, and gets a quarter more.
    expect(free).toBeGreaterThan(4900);
  });

  it('has the same bytes for the same layers, however they arrive', async () => {
    const digest = async (path: string) => {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      return hash.digest('hex');
    };
    const first = await buildDisk([BUSYBOX, [{ name: 'bin/.wh.ls', content: '' }]]);
    const second = await buildDisk([BUSYBOX, [{ name: 'bin/.wh.ls', content: '' }]]);
    expect(await digest(second.path)).toBe(await digest(first.path));
    const other = await buildDisk([BUSYBOX]);
    expect(await digest(other.path)).not.toBe(await digest(first.path));
  });

  it('is private to its owner', async () => {
    const { path } = await buildDisk([BUSYBOX]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('keeps runs of zeros as holes and their bytes as zeros', async () => {
    const content = Buffer.concat([
      Buffer.from('head'),
      Buffer.alloc(20 * MIB),
      Buffer.from('tail'),
      Buffer.alloc(5 * MIB),
    ]);
    const { path, usedBytes } = await buildDisk([[{ name: 'sparse', content }]], { journal: false });
    expect(usedBytes).toBeLessThan(3 * MIB);
    await checkFileSystem(path);
    const dumped = execFileSync('debugfs', ['-R', 'cat /sparse', path], {
      maxBuffer: 64 * MIB,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(dumped.equals(content)).toBe(true);
  });

  it('says how to get a larger one when the layers do not fit', async () => {
    const content = Buffer.alloc(3 * MIB, 1);
    const build = buildDisk([[{ name: 'big', content }]], { sizeBytes: 2 * MIB, journal: false });
    await expect(build).rejects.toMatchObject({
      code: 'resource_exhausted',
      hint: expect.stringContaining('larger disk'),
      details: { field: 'sizeBytes' },
    });
  });

  it('uses the space of replaced files again when there is no other', async () => {
    const version = (byte: number): TarEntrySpec[] => [{ name: 'file', content: Buffer.alloc(3 * MIB, byte) }];
    const { path } = await buildDisk([1, 2, 3, 4, 5].map(version), { sizeBytes: 8 * MIB, journal: false });
    await checkFileSystem(path);
    const dumped = execFileSync('debugfs', ['-R', 'cat /file', path], {
      maxBuffer: 64 * MIB,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(dumped.equals(Buffer.alloc(3 * MIB, 5))).toBe(true);
  });

  it.each([1000, -4096, 4095 * 4096 + 1, 2 ** 53])('of %d bytes is refused', async (sizeBytes) => {
    await expect(buildDisk([], { sizeBytes })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'sizeBytes' },
    });
  });

  it('grows to more groups with resize2fs, into the descriptor blocks kept for that', async () => {
    const { path } = await buildDisk([BUSYBOX], { sizeBytes: 256 * MIB });
    await run('resize2fs', '-f', path, '64G');
    expect(await checkFileSystem(path)).toMatch(/16777216 blocks/);
    expect(await run('dumpe2fs', '-h', path)).toContain('resize_inode');
  });

  it('made of the skeleton is tiny', async () => {
    const parts: Uint8Array[] = [];
    for await (const part of skeletonLayer()) parts.push(part);
    const { path } = await buildDisk([Buffer.concat(parts)], { sizeBytes: 16 * MIB, journal: false });
    await checkFileSystem(path);
    expect((await stat(path)).blocks * 512).toBeLessThan(200 * 1024);
    const console = await run('debugfs', '-R', 'stat /dev/console', path);
    expect(console).toContain('Type: character special');
    expect(console).toMatch(/Device major\/minor number: 0*5:0*1/);
  });
});

describe('directories', () => {
  it('of 100 000 names get a hash index that debugfs and e2fsck agree with', async () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `entry-number-${index}-${'x'.repeat(index % 40)}`);
    const entries = names.map((name): TarEntrySpec => ({ name: `large/${name}`, type: 'fifo' }));
    const { path } = await buildDisk([entries], { sizeBytes: 512 * MIB, journal: false });
    await checkFileSystem(path);
    expect(await run('debugfs', '-R', 'stat /large', path)).toMatch(/Flags: 0x81000/);
    if (!isRoot) return;
    await withMount(path, async (directory) => {
      expect(await readdir(join(directory, 'large'))).toHaveLength(names.length);
      for (let index = 0; index < names.length; index += 10) await stat(join(directory, 'large', names[index]!));
    });
  });

  it('hash names as e2fsprogs does', async () => {
    const { path } = await buildDisk([[]], { journal: false });
    const dump = await run('dumpe2fs', '-h', path);
    const seed = /Directory Hash Seed:\s+(\S+)/.exec(dump)![1]!;
    const words = Buffer.from(seed.replaceAll('-', ''), 'hex');
    const seedWords = [0, 4, 8, 12].map((at) => words.readUInt32LE(at)) as [number, number, number, number];
    for (const name of ['a', 'hello', 'exactly-thirty-two-characters-ok', 'x'.repeat(33), 'y'.repeat(255)]) {
      const output = await run('debugfs', '-R', `dx_hash -h half_md4 -s ${seed} ${name}`, path);
      const [, major, minor] = /is 0x([0-9a-f]+) \(minor 0x([0-9a-f]+)\)/.exec(output)!;
      expect(directoryHash(name, seedWords)).toEqual({
        major: Number.parseInt(major!, 16),
        minor: Number.parseInt(minor!, 16),
      });
    }
  });
});

describe.skipIf(!isRoot)('a kernel that mounts the disk (needs root)', () => {
  it('writes, deletes and leaves it clean', async () => {
    const many = Array.from(
      { length: 400 },
      (_, index): TarEntrySpec => ({ name: `dir/${'n'.repeat(100)}-${index}`, content: `${index}` }),
    );
    const { path } = await buildDisk([BUSYBOX, many], { sizeBytes: 256 * MIB });
    await withMount(
      path,
      async (directory) => {
        for (let index = 0; index < 400; index += 2) await rm(join(directory, 'dir', `${'n'.repeat(100)}-${index}`));
        for (let index = 0; index < 500; index++)
          await writeFile(join(directory, 'dir', `new-${'m'.repeat(50)}-${index}`), 'new');
        await writeFile(join(directory, 'large'), Buffer.alloc(40 * MIB, 7));
        await mkdir(join(directory, 'a/b/c'), { recursive: true });
        await rm(join(directory, 'bin'), { recursive: true });
      },
      'rw',
    );
    await checkFileSystem(path);
    await withMount(path, async (directory) => {
      expect(await readdir(join(directory, 'dir'))).toHaveLength(700);
      expect(await readFile(join(directory, 'dir', `${'n'.repeat(100)}-399`), 'utf8')).toBe('399');
    });
  });

  it('reads files beyond 4 GiB and files in very many pieces', async () => {
    const huge = 6 * GIB;
    const pieces = Buffer.alloc(3000 * 128 * 1024);
    for (let at = 0; at < pieces.length; at += 128 * 1024) pieces.writeUInt32LE(at, at);
    const map = `1\n${huge - 4096}\n4096\n`;
    const records = Object.entries({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'huge',
      'GNU.sparse.realsize': `${huge}`,
    });
    expect(paxRecord('a', 'b').toString()).toBe('6 a=b\n');
    const { path } = await buildDisk([
      writeTar([
        {
          name: 'placeholder',
          pax: Object.fromEntries(records),
          content: Buffer.concat([Buffer.from(map), Buffer.alloc(512 - map.length), Buffer.alloc(4096, 9)]),
        },
        { name: 'pieces', content: pieces },
      ]),
    ]);
    await checkFileSystem(path);
    await withMount(path, async (directory) => {
      expect((await stat(join(directory, 'huge'))).size).toBe(huge);
      const handle = await open(join(directory, 'huge'));
      const end = Buffer.alloc(4096);
      await handle.read(end, 0, 4096, huge - 4096);
      await handle.close();
      expect(end.equals(Buffer.alloc(4096, 9))).toBe(true);
      expect((await readFile(join(directory, 'pieces'))).equals(pieces)).toBe(true);
    });
  });
});
