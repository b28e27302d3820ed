import { BoxliteError } from '@boxlite/core';
import { expect, it } from 'vitest';
import { encodeChild } from '../src/encode-child.js';
import { parseHeader } from '../src/parse-header.js';
import { parseSnapshotTable } from '../src/snapshot-table.js';
import { checkedL2Entry, checkedL2Offset } from '../src/table-rules.js';
import { seededRandom } from './seeded-random.js';

const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_260_104);
const ROUNDS = Number(process.env.BOXLITE_PARSER_ROUNDS ?? 30_000);
const FILE_BYTES = 2 ** 24;

/** An answer, or undefined for a refusal; anything else that is thrown is a mistake. */
function answerOf<Answer>(parse: () => Answer): Answer | undefined {
  try {
    return parse();
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'disk_invalid') && typeof thrown.details.field === 'string') return undefined;
    throw new Error(`not a disk_invalid with its field, seed ${SEED}`, { cause: thrown });
  }
}

it(`every spoiled header is a header whose tables lie inside the file, or disk_invalid (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const sound = Buffer.alloc(2048);
  encodeChild(2 ** 30, { name: Buffer.from('/bases/a'), format: 'raw' }).segments[0]?.bytes.copy(sound);
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const area = Buffer.from(sound);
    if (random(4) === 0) area.writeUInt32BE(2, 4);
    for (let changes = 1 + random(3); changes > 0; changes--) {
      const at = random(160);
      if (random(2) === 0) area.writeUInt8(random(256), at);
      else area.writeUInt8(area.readUInt8(at) ^ (1 << random(8)), at);
    }
    const header = answerOf(() =>
      parseHeader(area.subarray(0, random(10) === 0 ? random(200) : 2048), FILE_BYTES, '/d'),
    );
    if (header === undefined) continue;
    accepted++;
    expect(header.l1TableOffset + header.l1Size * 8).toBeLessThanOrEqual(FILE_BYTES);
    expect(header.refcountTableOffset).toBeLessThan(FILE_BYTES);
    expect([header.clusterBits >= 9, header.clusterBits <= 21, header.l1Size * 8 <= 2 ** 20]).toEqual([
      true,
      true,
      true,
    ]);
    expect(header.backing === undefined || !header.backing.name.includes('\0')).toBe(true);
  }
  expect(accepted).toBeGreaterThan(ROUNDS / 50);
});

it(`no table entry, whatever its bits, leads outside the file or into a cluster (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const entry = Buffer.alloc(8);
  for (let round = 0; round < ROUNDS; round++) {
    entry.writeUInt32BE(random(3) === 0 ? random(2 ** 32) : random(4) * 2 ** 30, 0);
    entry.writeUInt32BE(random(2) === 0 ? random(2 ** 32) : random(600) * 65_536, 4);
    const clusterBits = 9 + random(13);
    const place = { clusterBits, fileBytes: FILE_BYTES, path: '/d', version: random(2) === 0 ? 2 : 3 } as const;
    const table = answerOf(() => checkedL2Offset(entry, 0, 0, place)) ?? 0;
    expect(table % 2 ** clusterBits).toBe(0);
    if (table !== 0) expect(table + 2 ** clusterBits).toBeLessThanOrEqual(FILE_BYTES);
    const found = answerOf(() => checkedL2Entry(entry, 0, 0, place));
    if (found === undefined || found.kind === 'unallocated') continue;
    expect(found.offset).toBeLessThan(FILE_BYTES);
    if (found.kind === 'standard') expect(found.offset % 2 ** clusterBits).toBe(0);
    else expect(found.bytes).toBeLessThanOrEqual(2 ** clusterBits * 2);
  }
});

it(`a snapshot table of random bytes is a table or disk_invalid, and costs no more than its snapshots (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS / 10; round++) {
    const area = Buffer.alloc(random(512));
    for (let at = 0; at < area.length; at++) area[at] = random(3) === 0 ? random(256) : 0;
    const snapshotCount = 1 + random(1024);
    const table = answerOf(() =>
      parseSnapshotTable(area, { snapshotCount, clusterBits: 16 }, { path: '/d', size: FILE_BYTES }),
    );
    if (table === undefined) continue;
    expect(table.snapshots.length).toBe(snapshotCount);
    expect(table.bytes).toBeLessThanOrEqual(Math.ceil(area.length / 8) * 8);
  }
});
