import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { buildDisk } from './support/build.js';
import { checkFileSystem, isRoot, run, temporaryDirectory, withMount } from './support/host.js';
import { paxSparse } from './support/write-gnu-tar.js';
import { type TarEntrySpec, writeTar } from './support/write-tar.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Files of 1 MiB. */
const files = (count: number, name = 'f'): TarEntrySpec[] => {
  const content = Buffer.alloc(MIB, 7);
  return Array.from({ length: count }, (_, at) => ({ name: `${name}${at}`, content }));
};

/** What the superblock says is left. */
async function free(disk: string): Promise<{ bytes: number; inodes: number }> {
  const dump = await run('dumpe2fs', '-h', disk);
  const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(dump)![1]);
  return { bytes: number('Free blocks') * 4096, inodes: number('Free inodes') };
}

describe('a disk that fits its image', () => {
  it('of a few files has 256 MiB, most of them free, and costs a few MiB on the host', async () => {
    const disk = await buildDisk([[{ name: 'a', content: 'x' }]], { sizeBytes: 'fit' });
    expect(disk.sizeBytes).toBe(256 * MIB);
    expect((await stat(disk.path)).size).toBe(256 * MIB);
    expect((await stat(disk.path)).blocks * 512).toBeLessThan(2 * MIB);
    await checkFileSystem(disk.path);
    expect((await free(disk.path)).bytes).toBeGreaterThan(225 * MIB);
  });

  it.each([170, 180])('of %i MiB of files has a tenth of them and about 64 MiB free', async (mib) => {
    const disk = await buildDisk([files(mib)], { sizeBytes: 'fit' });
    expect(disk.sizeBytes).toBe(mib === 170 ? 256 * MIB : 384 * MIB);
    await checkFileSystem(disk.path);
    // The journal, the inode tables and the copies of the descriptors take their share.
    expect((await free(disk.path)).bytes).toBeGreaterThan(0.1 * mib * MIB + 64 * MIB - 24 * MIB);
  });

  it('of a hundred thousand empty files has inodes and blocks to spare', async () => {
    const disk = await buildDisk([Array.from({ length: 100_000 }, (_, at) => ({ name: `d${at % 100}/${at}` }))], {
      sizeBytes: 'fit',
    });
    await checkFileSystem(disk.path);
    const left = await free(disk.path);
    expect(left.inodes).toBeGreaterThan(25_000);
    expect(left.bytes).toBeGreaterThan(100_000 * 4096);
  });

  it('of layers that remove what others brought reaches as far as those did', async () => {
    const whiteouts = Array.from({ length: 300 }, (_, at) => ({ name: `.wh.f${at}` }));
    const disk = await buildDisk([files(300), whiteouts, files(10, 'kept')], { sizeBytes: 'fit' });
    expect(disk.sizeBytes).toBe(384 * MIB);
    await checkFileSystem(disk.path);
    expect((await free(disk.path)).bytes).toBeGreaterThan(340 * MIB);
    expect(disk.usedBytes).toBeLessThan(45 * MIB);
  });

  it('of a huge sparse file counts its data, not its holes', async () => {
    const sparse = paxSparse('1.0', 's', 2 ** 43, [{ offset: 2 ** 42, data: Buffer.from('x') }]);
    const disk = await buildDisk([[sparse]], { sizeBytes: 'fit' });
    expect(disk.sizeBytes).toBe(256 * MIB);
    await checkFileSystem(disk.path);
  });

  it('has at least the size asked for, and more when the image needs it', async () => {
    const asked = await buildDisk([files(1)], { sizeBytes: 'fit', minBytes: 10 * GIB });
    expect(asked.sizeBytes).toBe(10 * GIB);
    await checkFileSystem(asked.path);
    const needed = await buildDisk([files(200)], { sizeBytes: 'fit', minBytes: 256 * MIB });
    expect(needed.sizeBytes).toBe(384 * MIB);
    for (const minBytes of [-1, 0.5, 2 ** 50]) {
      await expect(buildDisk([[]], { sizeBytes: 'fit', minBytes })).rejects.toMatchObject({
        code: 'invalid_argument',
        details: { field: 'minBytes' },
      });
    }
  });

  it('is the same whatever pieces its layers come in', async () => {
    const layers = [[...files(3), { name: 'd/e', content: 'x' }], [{ name: '.wh.f1' }]];
    const disks = await Promise.all(
      [1000, 65_536].map(async (pieceBytes) => {
        const target = join(await temporaryDirectory(), 'disk.ext4');
        async function* pieces(bytes: Buffer) {
          for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
        }
        await buildImageDisk({ layers: layers.map((layer) => pieces(writeTar(layer))), target, sizeBytes: 'fit' });
        return readFile(target);
      }),
    );
    expect(disks[0]!.equals(disks[1]!)).toBe(true);
  });

  it('says which limit an image breaks whose files take far more than its bytes', async () => {
    const pieces = Array.from({ length: 70_000 }, (_, at) => ({ offset: at * 128 * 1024, data: Buffer.from('x') }));
    const sparse = paxSparse('1.0', 's', 2 ** 40, pieces);
    const build = buildDisk([[sparse]], { sizeBytes: 'fit', maxBytes: 4 * MIB });
    await expect(build).rejects.toMatchObject({ code: 'resource_exhausted', details: { field: 'maxBytes' } });
  });

  it('grows with resize2fs', async () => {
    const disk = await buildDisk([files(3)], { sizeBytes: 'fit' });
    await run('resize2fs', '-f', disk.path, '20G');
    expect(await checkFileSystem(disk.path)).toMatch(/5242880 blocks/);
  });

  it.skipIf(!mayResize())(
    'grows while it is mounted, and holds what its new size promises (needs CAP_SYS_RESOURCE)',
    async () => {
      const disk = await buildDisk([files(3)], { sizeBytes: 'fit' });
      await truncate(disk.path, 10 * GIB);
      await withMount(
        disk.path,
        async (directory) => {
          const device = (await run('findmnt', '-no', 'SOURCE', directory)).trim();
          await run('resize2fs', device);
          const [, size] = (await run('df', '-B1', '--output=size', directory)).trim().split('\n');
          expect(Number(size)).toBeGreaterThan(9.5 * GIB);
          await writeFile(join(directory, 'large'), randomBytes(300 * MIB));
        },
        'rw',
      );
      await checkFileSystem(disk.path);
    },
  );
});

describe('a disk of a given size', () => {
  it('that is one block too small is refused, and one block larger is sound', async () => {
    const layer = writeTar([...files(6), ...Array.from({ length: 500 }, (_, at) => ({ name: `many/${at}` }))]);
    const attempt = async (blocks: number) =>
      buildDisk([layer], { sizeBytes: blocks * 4096, journal: false }).then(
        ({ path }) => path,
        (thrown: unknown) => {
          expect(thrown).toMatchObject({ code: 'resource_exhausted', details: { field: 'sizeBytes' } });
          return undefined;
        },
      );
    let tooSmall = blocks(5);
    let enough = blocks(12);
    let smallest = await attempt(enough);
    while (enough - tooSmall > 1) {
      const middle = Math.floor((enough + tooSmall) / 2);
      const path = await attempt(middle);
      if (path === undefined) tooSmall = middle;
      else {
        enough = middle;
        smallest = path;
      }
    }
    await checkFileSystem(smallest!);
    expect((await stat(smallest!)).size).toBe(enough * 4096);
    expect((await free(smallest!)).bytes).toBeLessThan(64 * 1024);
  });
});

/** Whether the kernel lets this process grow a mounted file system. */
function mayResize(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const SYS_RESOURCE = 24n;
  return isRoot && ((BigInt(`0x${effective}`) >> SYS_RESOURCE) & 1n) === 1n;
}

function blocks(mib: number): number {
  return (mib * MIB) / 4096;
}
