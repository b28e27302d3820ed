import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sweepStaging } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { streamOf } from './support/build.js';
import { bundleFixture } from './support/bundle.js';
import { isRoot, run, temporaryDirectory } from './support/host.js';
import { createTestHome, testImage } from './support/test-home.js';
import { writeTar } from './support/write-tar.js';

const MIB = 1024 ** 2;

describe('a build that fails', () => {
  it('killed in the middle leaves only staging that a sweep removes, and the next build works', async () => {
    const home = await createTestHome();
    const program = await bundleFixture('converter-process', home.directory);
    const child = spawn(process.execPath, [program, 'hang', home.directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(home.diskImagesDir)).toEqual([]);
    expect(await readdir(home.tmpDir)).toHaveLength(1);
    expect(await sweepStaging(home.tmpDir)).toHaveLength(1);
    expect(await readdir(home.tmpDir)).toEqual([]);
    const { image, source } = testImage([[{ name: 'file', content: 'x' }]]);
    await home.cache.ensure({ image, source, sizeBytes: 256 * MIB });
    expect(await readdir(home.diskImagesDir)).toHaveLength(1);
  });

  it.skipIf(!isRoot)('on a full disk says so and leaves nothing (needs root: mounts a tmpfs)', async () => {
    const small = await temporaryDirectory();
    await run('mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small);
    try {
      const layer = writeTar([{ name: 'file', content: Buffer.alloc(16 * MIB, 7) }]);
      const build = buildImageDisk({
        layers: [streamOf(layer)],
        target: join(small, 'disk.ext4'),
        sizeBytes: 64 * MIB,
      });
      await expect(build).rejects.toMatchObject({ code: 'disk_full', hint: expect.stringContaining('free space') });
      expect(await readdir(small)).toEqual([]);

      const home = await createTestHome(small);
      const { image, source } = testImage([[{ name: 'file', content: Buffer.alloc(16 * MIB, 7) }]]);
      await expect(home.cache.ensure({ image, source, sizeBytes: 64 * MIB })).rejects.toMatchObject({
        code: 'disk_full',
      });
      expect([await readdir(home.tmpDir), await readdir(home.diskImagesDir)]).toEqual([[], []]);
    } finally {
      await run('umount', small);
    }
  });

  it('aborted while the source is silent ends at once and leaves nothing', async () => {
    const directory = await temporaryDirectory();
    const abort = new AbortController();
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield writeTar([{ name: 'file', content: 'x' }], false);
      abort.abort(new Error('enough'));
      await new Promise(() => undefined);
    }
    const build = buildImageDisk({
      layers: [silent()],
      target: join(directory, 'disk.ext4'),
      sizeBytes: 16 * MIB,
      signal: abort.signal,
    });
    await expect(build).rejects.toMatchObject({
      code: 'aborted',
      cause: expect.objectContaining({ message: 'enough' }),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('closes the layer it was reading', async () => {
    const directory = await temporaryDirectory();
    let isClosed = false;
    async function* layer(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.alloc(512, 'no header');
        yield Buffer.alloc(512);
      } finally {
        isClosed = true;
      }
    }
    await expect(buildImageDisk({ layers: [layer], target: join(directory, 'disk.ext4') })).rejects.toMatchObject({
      code: 'layer_invalid',
    });
    expect(isClosed).toBe(true);
  });

  it('gives the error of a source under the name of the layer', async () => {
    const directory = await temporaryDirectory();
    // biome-ignore lint/correctness/useYield: a source that fails before its first byte
    async function* broken(): AsyncGenerator<Uint8Array> {
      throw new Error('the socket closed');
    }
    const build = buildImageDisk({
      layers: [streamOf(Buffer.alloc(1024)), broken],
      target: join(directory, 'disk.ext4'),
    });
    await expect(build).rejects.toMatchObject({
      code: 'layer_invalid',
      message: expect.stringContaining('layer 2 of 2: the socket closed'),
    });
  });

  it('never overwrites what is at the target, and does not follow a symlink there', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'taken'));
    const build = buildImageDisk({ layers: [], target: join(directory, 'taken'), sizeBytes: 16 * MIB });
    await expect(build).rejects.toMatchObject({ code: 'storage_error' });
    expect(await readdir(directory)).toEqual(['taken']);
  });

  it('beyond the byte budget of all layers together is stopped', async () => {
    const directory = await temporaryDirectory();
    async function* bomb(): AsyncGenerator<Uint8Array> {
      yield writeTar([{ name: 'zeros', size: 2 ** 40 }], false);
      for (;;) yield Buffer.alloc(MIB);
    }
    const build = buildImageDisk({ layers: [bomb], target: join(directory, 'disk.ext4'), maxBytes: 64 * MIB });
    await expect(build).rejects.toMatchObject({ code: 'resource_exhausted', details: { field: 'maxBytes' } });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a conversion', () => {
  it('ends with the same error whatever pieces its layers come in, also where two are near each other', async () => {
    const layer = Buffer.concat([writeTar([{ name: 'a', content: 'x' }], false), Buffer.alloc(1024, 'no header')]);
    for (const [maxBytes, field] of [
      [1536, 'checksum'],
      [1535, 'maxBytes'],
      [1024, 'maxBytes'],
    ] as const) {
      for (const pieceBytes of [1, 511, 512, 1000, 100_000]) {
        const target = join(await temporaryDirectory(), 'disk.ext4');
        const layers = [streamOf(layer, pieceBytes)];
        await expect(buildImageDisk({ layers, target, sizeBytes: 16 * MIB, maxBytes })).rejects.toMatchObject({
          details: { field },
        });
      }
    }
  });

  it('of an image of 400 MiB and 20 000 files stays below 200 MiB of memory', async () => {
    const directory = await temporaryDirectory();
    const program = await bundleFixture('converter-process', directory);
    const peak = Number(await run(process.execPath, program, 'large', join(directory, 'disk.ext4')));
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(200);
  });

  it('of an image of 500 000 files stays below 200 MB of memory', async () => {
    const directory = await temporaryDirectory();
    const program = await bundleFixture('converter-process', directory);
    const peak = Number(await run(process.execPath, program, 'many', join(directory, 'disk.ext4')));
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(200 / 1.048576);
  });

  it('of 100 000 files with attributes of their own needs no large heap', { timeout: 240_000 }, async () => {
    const directory = await temporaryDirectory();
    const program = await bundleFixture('converter-process', directory);
    const heap = '--max-old-space-size=48';
    const peak = Number(await run(process.execPath, heap, program, 'attributes', join(directory, 'disk.ext4')));
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(200);
  });

  it('tells how far it is', async () => {
    const directory = await temporaryDirectory();
    const told: string[] = [];
    await buildImageDisk({
      layers: [
        streamOf(writeTar([{ name: 'big', content: Buffer.alloc(3 * MIB, 1) }])),
        streamOf(writeTar([{ name: 'small' }])),
      ],
      target: join(directory, 'disk.ext4'),
      sizeBytes: 64 * MIB,
      onProgress: ({ layer, bytes, entries }) => told.push(`${layer} ${Math.round(bytes / MIB)} ${entries}`),
    });
    expect(told[0]).toBe('0 0 0');
    expect(told).toContain('0 2 1');
    expect(told.at(-1)).toBe('2 3 2');
  });
});

describe.skipIf(!isRoot)('an ordinary user (needs root: becomes nobody)', () => {
  it('converts an image with owners, devices and capabilities to the same bytes as root', async () => {
    const directory = await temporaryDirectory();
    const program = await bundleFixture('converter-process', directory);
    const tar = join(directory, 'layer.tar');
    await writeFile(
      tar,
      writeTar([
        { name: 'owned', content: 'x', uid: 1234, gid: 70_000, mode: 0o4755 },
        { name: 'secret', content: 'y', mode: 0 },
        { name: 'null', type: 'character-device', device: [1, 3] },
        {
          name: 'ping',
          content: 'z',
          pax: { 'SCHILY.xattr.security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex') },
        },
      ]),
    );
    await chmod(directory, 0o777);
    await run(process.execPath, program, 'convert', tar, join(directory, 'root.ext4'));
    await run(
      'runuser',
      '-u',
      'nobody',
      '--',
      process.execPath,
      program,
      'convert',
      tar,
      join(directory, 'nobody.ext4'),
    );
    const [mine, theirs] = await Promise.all(
      ['root', 'nobody'].map((name) => readFile(join(directory, `${name}.ext4`))),
    );
    expect(theirs!.equals(mine!)).toBe(true);
    expect(await run('debugfs', '-R', 'stat /owned', join(directory, 'nobody.ext4'))).toMatch(
      /User:\s+1234\s+Group:\s+70000/,
    );
  });
});
