import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { parseDataMap } from '../src/data-map.js';
import { openDiskFile } from '../src/disk-file.js';
import { createQcow2DiskStore } from '../src/index.js';
import { mapRawLayers } from '../src/map-data.js';
import { qemuImg, qemuIo } from './qemu-tools.js';
import { seededRandom } from './seeded-random.js';
import { temporaryDirectory } from './temporary-directory.js';

const NATIVE = fileURLToPath(new URL('../native/', import.meta.url));
const MIB = 2 ** 20;

beforeAll(() => {
  // The lock the builders of the platform packages take too: two makes in one directory harm each other.
  mkdirSync(join(NATIVE, 'build'), { recursive: true });
  execFileSync('flock', [join(NATIVE, 'build/.lock'), 'make', '-s', '-C', NATIVE]);
});

/** A file with data in random blocks. @returns the blocks */
async function sparseFile(path: string, blocks: number): Promise<ReadonlySet<number>> {
  const random = seededRandom(7);
  await writeFile(path, '');
  await truncate(path, blocks * 4096);
  const written = new Set(Array.from({ length: blocks / 8 }, () => random(blocks)));
  await using file = await open(path, 'r+');
  for (const block of written) await file.write(Buffer.alloc(4096, 1 + random(255)), 0, 4096, block * 4096);
  return written;
}

it('the program names every block that holds data, also built with sanitizers, and says why it cannot', async () => {
  const directory = await temporaryDirectory();
  const sanitized = join(directory, 'sanitized');
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  execFileSync('gcc', [...flags, '-o', sanitized, join(NATIVE, 'data-map.c')]);
  const path = join(directory, 'sparse');
  const blocks = 65_536;
  const written = await sparseFile(path, blocks);
  for (const program of [sanitized, join(NATIVE, 'build/boxlite-data-map')]) {
    const { status, stdout } = spawnSync(program, { stdio: [openSync(path, 'r'), 'pipe', 'inherit'] });
    expect(status).toBe(0);
    const map = parseDataMap(stdout);
    for (let block = 0; block < blocks; block++) {
      const isData = map?.at(block * 4096, 4096).isData;
      if (written.has(block)) expect(isData, `block ${block}`).toBe(true);
    }
    expect(stdout.length).toBeGreaterThan(1000);
    for (const wrong of ['/dev/null', directory]) {
      const refused = spawnSync(program, { stdio: [openSync(wrong, 'r'), 'pipe', 'pipe'], encoding: 'utf8' });
      expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('not a regular file') });
    }
  }
});

it('a raw base of 40 GiB with little in it is flattened in seconds, and what comes out is the same', async () => {
  const directory = await temporaryDirectory();
  const base = { path: join(directory, 'base'), format: 'raw' } as const;
  await sparseFile(base.path, 4096);
  await truncate(base.path, 40 * 2 ** 30);
  const store = createQcow2DiskStore();
  const child = await store.createChild(join(directory, 'child'), base);
  await qemuIo(child.path, 'qcow2', 'write -q -P 9 39G 64k', 'write -q -z 1M 1M');
  const started = performance.now();
  for (const format of ['raw', 'qcow2'] as const) {
    const flat = join(directory, `flat.${format}`);
    await store.flatten(child.path, flat, undefined, { format });
    expect((await stat(flat)).blocks * 512).toBeLessThan(20 * MIB);
    expect(await qemuImg('compare', '-f', 'qcow2', '-F', format, child.path, flat)).toContain('identical');
  }
  // Reading 80 GiB of holes takes minutes.
  expect(performance.now() - started).toBeLessThan(30_000);
});

it('a file without holes, and every file of another format, needs no map', async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, 'full');
  await writeFile(path, Buffer.alloc(MIB, 1));
  const disk = openDiskFile(path);
  const raw = { path, format: 'raw', virtualSize: MIB, disk, header: undefined } as const;
  expect((await mapRawLayers([raw])).size).toBe(0);
});
