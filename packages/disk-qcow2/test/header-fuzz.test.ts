import { readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { expect, it } from 'vitest';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { qemuCheck, qemuImg, qemuIo } from './qemu-tools.js';
import { seededRandom } from './seeded-random.js';
import { temporaryDirectory } from './temporary-directory.js';

const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_260_101);
const ROUNDS = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? 600);
/** Values that sit on the edges of fields. */
const EDGES = [0n, 1n, 7n, 8n, 9n, 16n, 21n, 22n, 63n, 64n, 104n, 112n, 511n, 512n, 1023n, 1024n, 65_535n, 65_536n];
const HUGE = [2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 56n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 512n];
/** Where the interesting bytes of the sample are: header and extensions, refcount table and block, L1, L2. */
const REGIONS = [0, 0, 0, 0, 65_536, 131_072, 196_608, 262_144];
const ACCEPTED_SHOWN_TO_QEMU = 40;

it(
  `any spoiled disk is a BoxliteError or an answer, quickly and in little memory (seed ${SEED})`,
  async () => {
    const directory = await temporaryDirectory();
    const store = createQcow2DiskStore();
    const base = { path: join(directory, 'base'), format: 'raw' } as const;
    await writeFile(base.path, Buffer.alloc(2 ** 20, 3));
    const sample = join(directory, 'sample');
    await store.createChild(sample, base, { virtualSize: 2 ** 22 });
    await qemuIo(sample, 'qcow2', 'write -P 9 0 200k');
    const sound = await readFile(sample);

    const guarded = createQcow2DiskStore({ allowedDirectories: [directory] });
    const random = seededRandom(SEED);
    const path = join(directory, 'spoiled');
    const target = join(directory, 'flat');
    let accepted = 0;
    let refused = 0;
    const memory = process.memoryUsage().rss;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = spoil(sound, random);
      await writeFile(path, bytes);
      const started = performance.now();
      const attempts: (() => Promise<unknown>)[] = [
        () => store.chain(path),
        () => store.backingPath(path),
        () => store.check(path),
        () => store.flatten(path, target),
        () => store.repair(path),
        () => changeEverywhere(path, directory),
        () => store.grow(path, 2 ** 24),
      ];
      for (const [index, attempt] of attempts.entries()) {
        const outcome = await attempt().catch((thrown: unknown) => {
          if (BoxliteError.isInstance(thrown)) return thrown;
          throw new Error(`round ${round} of seed ${SEED}, attempt ${index}: not a BoxliteError`, { cause: thrown });
        });
        if (index !== 0) continue;
        if (outcome instanceof BoxliteError) refused++;
        else if (++accepted <= ACCEPTED_SHOWN_TO_QEMU) await agreesWithQemu(outcome, bytes, path, round);
      }
      expect(performance.now() - started, `round ${round} of seed ${SEED}`).toBeLessThan(5_000);
      await rm(target, { force: true });
      // Whatever names a disk was given: no file of another place is opened.
      await writeFile(path, bytes);
      for (const layer of await guarded.chain(path).catch(() => [])) {
        expect(await realpath(layer.path), `round ${round} of seed ${SEED}`).toContain(`${directory}/`);
      }
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(400 * 2 ** 20);
    expect(Math.min(accepted, refused), 'the fuzzer reaches both outcomes').toBeGreaterThan(ROUNDS / 20);
    expect((await readdir(directory)).filter((name) => name.endsWith('.staged'))).toEqual([]);
  },
  60_000 + ROUNDS * 500,
);

/** Reads and writes over every cluster; what was spoiled may not lead out of the directory. */
async function changeEverywhere(path: string, directory: string): Promise<void> {
  await using disk = await openDisk(path, { format: 'qcow2', mode: 'write', allowedDirectories: [directory] });
  const bytes = Math.min(disk.virtualSize, 2 ** 23);
  for (let at = 0; at < bytes; at += bytes / 8) await disk.read(at, bytes / 8);
  await disk.write(100, Buffer.alloc(Math.min(300_000, bytes - 100), 1));
  await disk.discard(0, bytes / 2);
  await disk.flush();
  await disk.write(0, Buffer.alloc(bytes / 2, 2));
}

/** What is accepted here, QEMU accepts too, and sees the same backing file and size. */
async function agreesWithQemu(layers: unknown, bytes: Buffer, path: string, round: number): Promise<void> {
  await writeFile(path, bytes);
  const info = JSON.parse(
    await qemuImg('info', '-U', '-f', 'qcow2', '--output=json', path).catch((cause: unknown) => {
      const header = bytes.subarray(0, 256).toString('hex');
      throw new Error(`QEMU refuses what is accepted here, round ${round} of seed ${SEED}: ${header}`, { cause });
    }),
  );
  const [top, backing] = layers as { virtualSize: number; path: string }[];
  expect([info['virtual-size'], info['full-backing-filename']], `round ${round} of seed ${SEED}`).toEqual([
    top?.virtualSize,
    backing?.path,
  ]);
  const verdict = await qemuCheck(path);
  const { errors } = await createQcow2DiskStore().check(path);
  expect(errors.length > 0, `check, round ${round} of seed ${SEED}: ${errors}`).toBe(verdict.corruptions > 0);
}

function spoil(sound: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(sound);
  if (random(10) === 0) return bytes.subarray(0, random(random(2) === 0 ? 300 : bytes.length));
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const region = REGIONS[random(REGIONS.length)] ?? 0;
    const at = region + (region === 0 ? random(42) * 4 : random(8) * 8);
    switch (random(5)) {
      case 0:
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random(8)), at);
        break;
      case 1:
        bytes.writeUInt32BE(Number((EDGES[random(EDGES.length)] ?? 0n) & 0xffff_ffffn), at);
        break;
      case 2:
        bytes.writeBigUInt64BE(EDGES[random(EDGES.length)] ?? 0n, at);
        break;
      case 3:
        bytes.writeBigUInt64BE(HUGE[random(HUGE.length)] ?? 0n, at);
        break;
      default:
        bytes.writeUInt32BE(random(2 ** 32), at);
    }
  }
  return bytes;
}
