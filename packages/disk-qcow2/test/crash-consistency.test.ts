import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { bundleFixture } from './bundle-fixture.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { seededRandom } from './seeded-random.js';
import { temporaryDirectory } from './temporary-directory.js';

const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_260_103);
const KILLS = Number(process.env.BOXLITE_DISK_KILLS ?? 8);
const POWER_CUTS = Number(process.env.BOXLITE_DISK_POWER_CUTS ?? 100);
const MIB = 2 ** 20;
const store = createQcow2DiskStore();

/** A disk with data, packed in small clusters so that tables are many, and a snapshot that shares them. */
async function makeDisk(directory: string): Promise<string> {
  const path = join(directory, 'sound');
  const base = join(directory, 'base.raw');
  await writeFile(base, Buffer.alloc(6 * MIB, 9));
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', '-b', base, '-F', 'raw', path, '8M');
  await qemuIo(path, 'qcow2', 'write -q -P 1 0 3M');
  await qemuImg('snapshot', '-c', 'shared', path);
  return path;
}

async function requireUsable(path: string, where: string): Promise<void> {
  const { errors } = await store.check(path);
  expect(errors, where).toEqual([]);
  await using disk = await openDisk(path, { format: 'qcow2' });
  expect((await disk.read(0, MIB)).equals(Buffer.alloc(MIB, 1)), where).toBe(true);
}

it(
  `a process killed while it writes leaves at worst leaked clusters, which repair frees (seed ${SEED})`,
  async () => {
    const directory = await temporaryDirectory();
    const program = join(directory, 'write-and-die.mjs');
    await bundleFixture('write-and-die.ts', program);
    const sound = await makeDisk(directory);
    const path = join(directory, 'disk');
    const run = (killAt: number) =>
      spawnSync(process.execPath, [program, path, String(SEED), String(killAt)], { encoding: 'utf8' });
    await copyFile(sound, path);
    const { stdout, stderr } = run(0);
    const operations = Number(stdout);
    expect(operations, stderr).toBeGreaterThan(60);
    expect(await qemuCheck(path)).toEqual({ corruptions: 0, leaks: 0 });

    let leaking = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const killAt = 1 + Math.floor((operations * kill) / KILLS);
      await copyFile(sound, path);
      expect(run(killAt).signal).toBe('SIGKILL');
      const where = `killed before operation ${killAt} of ${operations}, seed ${SEED}`;
      const { corruptions, leaks } = await qemuCheck(path);
      expect(corruptions, where).toBe(0);
      if (leaks > 0) leaking++;
      await requireUsable(path, where);
      expect(await store.repair(path), where).toEqual({ errors: [], leakedClusters: 0 });
      expect(await qemuCheck(path), where).toEqual({ corruptions: 0, leaks: 0 });
    }
    expect(leaking, 'no kill came between counts and tables').toBeGreaterThan(0);
  },
  60_000 + KILLS * 10_000,
);

/** What the program wrote, one list for each time between two syncs. */
async function recordWrites(directory: string, sound: string): Promise<readonly Written[][]> {
  const program = join(directory, 'write-and-die.mjs');
  await bundleFixture('write-and-die.ts', program);
  const path = join(directory, 'recorded');
  await copyFile(sound, path);
  const logPath = join(directory, 'log');
  const { status, stderr } = spawnSync(process.execPath, [program, path, String(SEED), '0', logPath], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  const log: { position: number; bytes: string }[][] = JSON.parse(await readFile(logPath, 'utf8'));
  expect(log.length).toBeGreaterThan(8);
  return log.map((part) => part.map(({ position, bytes }) => ({ position, data: Buffer.from(bytes, 'base64') })));
}

interface Written {
  readonly position: number;
  readonly data: Buffer;
}

it(`after each single write the disk is sound but for leaked clusters (seed ${SEED})`, async () => {
  const directory = await temporaryDirectory();
  const path = await makeDisk(directory);
  const writes = (await recordWrites(directory, path)).flat();
  const file = openSync(path, 'r+');
  for (const [number, { position, data }] of writes.entries()) {
    writeSync(file, data, 0, data.length, position);
    const { errors } = await store.check(path);
    expect(errors, `after write ${number + 1} of ${writes.length}, seed ${SEED}`).toEqual([]);
  }
  closeSync(file);
}, 120_000);

it(
  `a power cut that loses any of the writes since the last sync does no more harm (seed ${SEED})`,
  async () => {
    const directory = await temporaryDirectory();
    const sound = await makeDisk(directory);
    const path = join(directory, 'disk');
    const log = await recordWrites(directory, sound);

    const random = seededRandom(SEED);
    const before = await readFile(sound);
    for (let cut = 0; cut < POWER_CUTS; cut++) {
      const synced = random(log.length);
      const lost = log[synced]?.filter(() => random(2) === 0) ?? [];
      await writeFile(path, before);
      const file = openSync(path, 'r+');
      for (const { position, data } of [...log.slice(0, synced).flat(), ...lost]) {
        writeSync(file, data, 0, data.length, position);
      }
      closeSync(file);
      await requireUsable(path, `after ${synced} syncs and ${lost.length} writes, cut ${cut}, seed ${SEED}`);
    }
  },
  60_000 + POWER_CUTS * 1_000,
);
