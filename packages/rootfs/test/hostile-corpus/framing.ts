import { gzipSync } from 'node:zlib';
import { seededRandom } from '../support/seeded-random.js';
import { octal, writeTar } from '../support/write-tar.js';
import {
  archive,
  exhausted,
  file,
  type HostileArchive,
  hardlink,
  invalid,
  rawArchive,
  tree,
} from './hostile-archive.js';

const GIB = 1024 ** 3;
const PLAIN = () => writeTar([file('a', 'x'.repeat(700))]);

/** Blocks, headers and sizes. */
export const FRAMING: readonly HostileArchive[] = [
  rawArchive('of no bytes is an empty image', () => Buffer.alloc(0), tree({})),
  rawArchive('of nothing but zeros is an empty image', () => Buffer.alloc(10_240), tree({})),
  rawArchive('that ends after one of the two closing blocks is complete', () => Buffer.alloc(512), tree({})),
  rawArchive('that is a web page', () => Buffer.from(`<html>${'<p>404</p>'.repeat(200)}</html>`), invalid('checksum')),
  rawArchive('that is still compressed', () => gzipSync(randomBytes(20_000)), invalid('checksum')),
  rawArchive('of random bytes', () => randomBytes(65_536), invalid('checksum')),
  rawArchive('with one bit of a header flipped', () => flipped(PLAIN(), 3), invalid('checksum')),
  rawArchive('cut in a header', () => PLAIN().subarray(0, 300), invalid()),
  rawArchive('cut in the data of a file', () => PLAIN().subarray(0, 900), invalid()),
  rawArchive('cut in the padding of a file', () => PLAIN().subarray(0, 1300), invalid()),
  rawArchive('without an end mark is complete', () => writeTar([file('a')], false), tree({ a: 'a' })),
  rawArchive(
    'with an entry behind its end mark’s first block',
    () => Buffer.concat([writeTar([file('a')], false), Buffer.alloc(512), writeTar([file('b')])]),
    invalid(),
  ),
  rawArchive(
    'with another archive behind its end is read to its end only',
    () => Buffer.concat([writeTar([file('a')]), writeTar([file('b')])]),
    tree({ a: 'a' }),
  ),
  rawArchive(
    'with a size of letters',
    () => writeTar([{ ...file('a'), header: (block) => block.write('12345678xyz', 124, 'latin1') }]),
    invalid('size'),
  ),
  archive('with a negative size', [[{ name: 'a', size: -512 }]], invalid('size')),
  rawArchive(
    'with a size of 4 EiB',
    () => writeTar([{ name: 'a', header: (block) => octal(block, 124, 12, 2 ** 62) }]),
    invalid('size'),
  ),
  archive('with a file larger than ext4 can hold', [[{ name: 'a', size: 2 ** 44 }]], invalid('size')),
  rawArchive('that promises 5 GiB and holds nothing', () => writeTar([{ name: 'a', size: 5 * GIB }], false), invalid()),
  rawArchive(
    'that promises 9 GiB in base 256 and ends after 1 MiB',
    () => Buffer.concat([writeTar([{ name: 'a', size: 9 * GIB }], false), Buffer.alloc(1024 ** 2, 1)]),
    invalid(),
  ),
  rawArchive(
    'that promises 9 GiB in a pax record and holds nothing',
    () => writeTar([{ name: 'a', pax: { size: `${9 * GIB}` } }], false),
    invalid(),
  ),
  {
    name: 'with 5 GiB of zeros costs no disk and is one large hole',
    layers: () => [zeros(5 * GIB)],
    expected: tree({ zeros: `<${5 * GIB} bytes>` }),
  },
  {
    name: 'with more than its bytes allowed is stopped on the way',
    layers: () => [zeros(1024 * GIB)],
    options: { maxBytes: 64 * 1024 ** 2 },
    expected: exhausted('maxBytes'),
  },
  archive('with an entry of the unknown type M', [[{ name: 'a', typeFlag: 'M' }]], invalid()),
  archive('with a GNU volume label', [[{ name: 'label', typeFlag: 'V' }]], invalid()),
  archive('with a Solaris extended header', [[{ name: 'x', typeFlag: 'X' }]], invalid()),
  archive(
    'of V7 tar has files, directories by their slash, and links',
    [
      [
        { name: 'old/', format: 'v7' },
        { name: 'old/file', format: 'v7', content: 'old', typeFlag: '\0' },
        { name: 'old/hard', format: 'v7', type: 'hardlink', linkName: 'old/file' },
        { name: 'old/soft', format: 'v7', type: 'symlink', linkName: 'file' },
      ],
    ],
    tree({ old: '/', 'old/file': 'old', 'old/hard': 'old', 'old/soft': '-> file' }),
  ),
  archive('with a contiguous file has a file', [[{ name: 'a', typeFlag: '7', content: 'x' }]], tree({ a: 'x' })),
  archive('with a user beyond 32 bits', [[{ name: 'a', uid: 2 ** 33 }]], invalid('uid')),
  archive('with a negative group', [[{ name: 'a', gid: -2 }]], invalid('uid')),
  archive('with a device no kernel has', [[{ name: 'a', type: 'block-device', device: [4096, 0] }]], invalid('device')),
  archive(
    'with sizes on what has no content goes on with the next entry',
    [
      [
        { name: 'd', type: 'directory', size: 4096 },
        file('a'),
        { ...hardlink('h', 'a'), size: 512 },
        { name: 'p', type: 'fifo', size: 1 },
        file('b'),
      ],
    ],
    tree({ d: '/', a: 'a', h: 'a', p: 'fifo', b: 'b' }),
  ),
];

function randomBytes(count: number): Buffer {
  const random = seededRandom(count);
  return Buffer.from(Array.from({ length: count }, () => random(256)));
}

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = bytes[at]! ^ 1;
  return bytes;
}

function zeros(size: number): () => AsyncIterable<Uint8Array> {
  const piece = Buffer.alloc(1024 ** 2);
  return async function* layer() {
    yield writeTar([{ name: 'zeros', size }], false);
    for (let at = 0; at < size; at += piece.length) yield piece;
    yield Buffer.alloc(1024);
  };
}
