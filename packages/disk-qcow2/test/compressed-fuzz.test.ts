import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { expect, it } from 'vitest';
import { decompressCluster } from '../src/compressed/decompress-cluster.js';
import { qemuImg } from './qemu-tools.js';
import { seededRandom } from './seeded-random.js';
import { temporaryDirectory } from './temporary-directory.js';

const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_260_105);
const ROUNDS = Number(process.env.BOXLITE_COMPRESSED_ROUNDS ?? 1500);
const CLUSTER_BYTES = 65_536;

it.each([
  ['zlib', 'deflate'],
  ['zstd', 'zstd'],
] as const)(
  `a spoiled cluster compressed with %s is a cluster or disk_invalid, at once and in bounded memory (seed ${SEED})`,
  async (type, compression) => {
    const directory = await temporaryDirectory();
    const plain = join(directory, 'plain');
    const text = Array.from({ length: 4000 }, (_, line) => `line ${line * 7919} of a text`).join('\n');
    await writeFile(plain, text.padEnd(CLUSTER_BYTES * 2, 'x').slice(0, CLUSTER_BYTES * 2));
    const packed = join(directory, 'packed');
    await qemuImg('convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', `compression_type=${type}`, plain, packed);
    const file = await readFile(packed);
    const l2 = Number(file.readBigUInt64BE(Number(file.readBigUInt64BE(40))) & 0xff_ffff_ffff_fe00n);
    const entry = file.readBigUInt64BE(l2);
    const start = Number(entry & (2n ** 54n - 1n));
    const header = { clusterBits: 16, compression } as const;
    const sound = file.subarray(start, start + 40_000);
    expect((await decompressCluster(sound, start, header, '/d')).toString().startsWith('line 0 of a text')).toBe(true);

    const random = seededRandom(SEED);
    const memory = process.memoryUsage().rss;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = Buffer.from(sound.subarray(0, random(8) === 0 ? random(sound.length) : sound.length));
      for (let changes = 1 + random(4); changes > 0 && bytes.length > 0; changes--) {
        const at = random(random(2) === 0 ? Math.min(32, bytes.length) : bytes.length);
        bytes[at] = random(256);
      }
      const started = performance.now();
      try {
        const cluster = await decompressCluster(bytes, start, header, '/d');
        expect(cluster.length).toBe(CLUSTER_BYTES);
      } catch (thrown) {
        refused++;
        expect(BoxliteError.isInstance(thrown, 'disk_invalid'), `round ${round}: ${thrown}`).toBe(true);
      }
      expect(performance.now() - started, `round ${round}`).toBeLessThan(2000);
    }
    expect(refused).toBeGreaterThan(ROUNDS / 10);
    expect(process.memoryUsage().rss - memory).toBeLessThan(300 * 2 ** 20);
  },
  120_000,
);
