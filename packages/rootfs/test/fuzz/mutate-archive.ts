import { gnuLongNames, oldGnuSparse, paxSparse, type SparsePiece } from '../support/write-gnu-tar.js';
import { octal, sealHeader, writeTar } from '../support/write-tar.js';
import { harmlessEntries, pick, type Random, randomName } from './random-entries.js';

const BLOCK = 512;

/** Fields of a header: offset and length. */
const FIELDS = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [156, 1],
  [157, 100],
  [257, 8],
  [329, 8],
  [337, 8],
  [345, 155],
  [386, 12],
  [398, 12],
  [482, 1],
  [483, 12],
] as const;
const NUMBERS = [0, 1, 511, 512, 513, 4096, 2 ** 31, 2 ** 32, 2 ** 33 - 1, 2 ** 40, 2 ** 53, -1, -512, -(2 ** 31)];
const TYPE_FLAGS = '01234567SxgLKMVXDNA\0\xff';

/** The entries of a proper archive with every construction a reader must know, each with all that belongs to it. */
export function properArchive(random: Random): Buffer[] {
  const pieces = (count: number): SparsePiece[] =>
    Array.from({ length: count }, (_, at) => ({ offset: at * 8192, data: Buffer.alloc(1 + random(600), 1 + at) }));
  const size = 40 * 8192;
  const harmless = harmlessEntries(random);
  const makers: readonly (() => Buffer)[] = [
    () => writeTar([harmless()], false),
    () => writeTar([harmless(), harmless(), harmless()], false),
    () => writeTar([{ name: `${'long/'.repeat(30)}name`, content: 'x', pax: { mtime: '1.5', uid: '7' } }], false),
    () => gnuLongNames({ name: 'g/'.repeat(80), type: 'directory' }),
    () => gnuLongNames({ name: 's'.repeat(200), type: 'symlink', linkName: 't'.repeat(200) }),
    () => oldGnuSparse('old', size, pieces(3)),
    () => oldGnuSparse('older', size, pieces(30)),
    () => writeTar([paxSparse(pick(random, ['0.0', '0.1', '1.0']), 'sparse', size, pieces(random(30)))], false),
    () => writeTar([{ name: 'v7/', format: 'v7' }], false),
    () => writeTar([{ name: 'g', typeFlag: 'g', content: '12 comment=x\n' }], false),
    () =>
      writeTar(
        [{ name: 'x', content: 'x', pax: { 'SCHILY.xattr.user.a': '1', 'LIBARCHIVE.xattr.user.b': 'YWJj' } }],
        false,
      ),
  ];
  return Array.from({ length: 2 + random(10) }, () => pick(random, makers)());
}

/** Changes an archive in one to four places, knowing what it is made of. */
export function mutateArchive(entries: readonly Buffer[], random: Random): Buffer {
  const chunks = entries.map((entry) => Buffer.from(entry));
  for (let change = 0; change <= random(4); change++) {
    const at = random(chunks.length);
    const chunk = chunks[at];
    if (chunk === undefined) break;
    pick(random, [
      () => chunks.splice(at, 1),
      () => chunks.splice(random(chunks.length), 0, Buffer.from(chunk)),
      () => chunks.splice(at, 1, chunk.subarray(0, random(chunk.length / BLOCK + 1) * BLOCK)),
      () => chunks.splice(at, 1, Buffer.concat([chunk.subarray(0, BLOCK), ...properArchive(random).slice(0, 1)])),
      () => mutateHeader(chunk, random),
      () => mutateHeader(chunk, random),
      () => mutateHeader(chunk, random),
      () => mutateDigits(chunk, random),
    ])();
  }
  return Buffer.concat([...chunks, Buffer.alloc(random(4) === 0 ? random(1024) : 1024)]);
}

/** Flips bytes anywhere; with right checksums the damage reaches the code behind them. */
export function damageArchive(entries: readonly Buffer[], random: Random): Buffer {
  const archive = Buffer.concat([...entries, Buffer.alloc(1024)]);
  for (let change = 0; change <= random(6); change++) archive[random(archive.length)] = random(256);
  if (random(3) > 0) sealHeaders(archive);
  return archive.subarray(0, random(4) === 0 ? random(archive.length) : archive.length);
}

/** Puts any value into a field of one of the headers in a chunk. */
function mutateHeader(chunk: Buffer, random: Random): void {
  const headers = headersOf(chunk);
  if (headers.length === 0) return;
  const at = pick(random, headers);
  const block = chunk.subarray(at, at + BLOCK);
  const [offset, length] = pick(random, FIELDS);
  pick(random, [
    () => length > 1 && octal(block, offset, length, pick(random, NUMBERS)),
    () => block.fill(random(256), offset, offset + length),
    () => block.write(randomName(random, true).padEnd(length, '\0').slice(0, length), offset, 'latin1'),
    () => block.write(pick(random, [...TYPE_FLAGS]), 156, 'latin1'),
    () => block.write(pick(random, ['ustar\u000000', 'ustar  \0', '\0\0\0\0\0\0\0\0', 'ustar\u000099']), 257, 'latin1'),
  ])();
  sealHeader(block);
}

/** Changes one digit in what is no header, such as lengths of pax records and numbers of sparse maps. */
function mutateDigits(chunk: Buffer, random: Random): void {
  const digits: number[] = [];
  for (let at = BLOCK; at < Math.min(chunk.length, 4 * BLOCK); at++) {
    const byte = chunk[at]!;
    if (byte >= 0x30 && byte <= 0x39) digits.push(at);
  }
  if (digits.length > 0) chunk[pick(random, digits)] = pick(random, [0x30, 0x31, 0x39, 0x2d, 0x20, 0x0a, 0x00]);
}

function sealHeaders(archive: Buffer): void {
  for (const at of headersOf(archive)) sealHeader(archive.subarray(at, at + BLOCK));
}

/** Where blocks begin that look like headers. */
function headersOf(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    if (at === 0 || bytes.toString('latin1', at + 257, at + 262) === 'ustar') found.push(at);
  }
  return found;
}
