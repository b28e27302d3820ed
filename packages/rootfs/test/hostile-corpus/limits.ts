import { paxSparse } from '../support/write-gnu-tar.js';
import { type TarEntrySpec, writeTar } from '../support/write-tar.js';
import {
  archive,
  directory,
  empty,
  exhausted,
  file,
  type HostileArchive,
  invalid,
  symlink,
  tree,
} from './hostile-archive.js';

const MIB = 1024 ** 2;
const DEEP = Array.from({ length: 11 }, (_, at) => directory('d/'.repeat(at + 1)));

/** Each limit, exceeded by one; and the same archive with the limit where it must be. */
export const LIMITS: readonly HostileArchive[] = [
  archive('of one entry more than allowed', [[file('a'), file('b')], [file('c')]], exhausted('maxEntries'), {
    maxEntries: 2,
  }),
  archive('of as many entries as allowed', [[file('a')], [file('b')]], tree({ a: 'a', b: 'b' }), { maxEntries: 2 }),
  archive(
    'with a path of more directories than entries are allowed',
    [[file(`${'d/'.repeat(100)}x`)]],
    exhausted('maxEntries'),
    { maxEntries: 50 },
  ),
  {
    name: 'with two thousand new directories an entry is stopped by the number of entries',
    layers: () => [manyPaths(2000, (at) => `${at}/${'d/'.repeat(2000)}x`)],
    options: { maxEntries: 100_000 },
    expected: exhausted('maxEntries'),
  },
  archive('with a path of 11 bytes where 10 are allowed', [[file('a/b/c/d/e/f')]], exhausted('maxPathBytes'), {
    maxPathBytes: 10,
  }),
  archive(
    'eleven directories deep where ten are allowed',
    [[...DEEP, file(`${'d/'.repeat(11)}x`)]],
    exhausted('maxDepth'),
    {
      maxDepth: 10,
    },
  ),
  archive(
    'deep only by the way of symlinks',
    [
      [
        directory('d/d/d/d'),
        symlink('s', 'd/d/d/d'),
        directory('s/d/d'),
        symlink('d/d/d/d/d/d/s', 'd/d'),
        file('s/d/d/s/d/x'),
      ],
    ],
    exhausted('maxDepth'),
    { maxDepth: 7 },
  ),
  archive(
    'with three names in a directory where two are allowed',
    [[file('d/a'), file('d/b'), file('d/c')]],
    exhausted('maxDirectoryEntries'),
    {
      maxDirectoryEntries: 2,
    },
  ),
  archive(
    'with names that come and go never exceeds the names in a directory',
    [
      [file('d/a'), file('d/b')],
      [empty('d/.wh.a'), file('d/c')],
      [empty('d/.wh.b'), file('d/c'), file('d/e')],
    ],
    tree({ d: '/', 'd/c': 'd/c', 'd/e': 'd/e' }),
    { maxDirectoryEntries: 2 },
  ),
  archive(
    'with 101 bytes of attributes where 100 are allowed',
    [[{ ...file('a'), pax: { 'SCHILY.xattr.user.a': 'x'.repeat(94), 'SCHILY.xattr.trusted.b': '' } }]],
    exhausted('maxXattrBytes'),
    { maxXattrBytes: 100 },
  ),
  archive(
    'with an attribute more than allowed',
    [[{ ...directory('a'), pax: { 'SCHILY.xattr.user.a': '', 'SCHILY.xattr.user.b': '' } }]],
    exhausted('maxXattrNames'),
    { maxXattrNames: 1 },
  ),
  archive(
    'with an extended header larger than allowed',
    [[{ ...file('a'), pax: { comment: 'x'.repeat(600) } }]],
    exhausted('maxHeaderBytes'),
    {
      maxHeaderBytes: 600,
    },
  ),
  {
    name: 'of very many tiny files with different attributes is stopped by the memory they take',
    layers: () => [manyEntries(200_000, (at) => ({ name: `${at}`, pax: { 'SCHILY.xattr.user.a': `${at}` } }))],
    options: { maxMetadataBytes: 6 * MIB },
    expected: exhausted('maxMetadataBytes'),
  },
  {
    name: 'of very many tiny files whose attributes come in large headers is stopped by the memory they take',
    layers: () => [
      manyEntries(200_000, (at) => ({
        name: `${at}`,
        pax: { 'SCHILY.xattr.user.a': `${at}`, comment: 'x'.repeat(2000) },
      })),
    ],
    options: { maxMetadataBytes: 6 * MIB },
    expected: exhausted('maxMetadataBytes'),
  },
  {
    name: 'of long symlinks is stopped by the memory they take',
    layers: () => [
      manyEntries(100_000, (at) => ({ name: `${at}`, type: 'symlink', linkName: `${at}`.padEnd(4000, 't') })),
    ],
    options: { maxMetadataBytes: 6 * MIB },
    expected: exhausted('maxMetadataBytes'),
  },
  {
    name: 'of hard links whose target never comes is stopped by the memory they take',
    layers: () => [manyEntries(200_000, (at) => ({ name: `${at}`, type: 'hardlink', linkName: `nothing-${at}` }))],
    options: { maxMetadataBytes: 6 * MIB },
    expected: exhausted('maxMetadataBytes'),
  },
  {
    name: 'of files in a hundred thousand pieces is stopped by the memory they take',
    layers: () => [
      manyEntries(2000, (at) =>
        paxSparse(
          '1.0',
          `${at}`,
          2 ** 40,
          Array.from({ length: 1000 }, (_, piece) => ({ offset: piece * 2 ** 20, data: Buffer.from('x') })),
        ),
      ),
    ],
    options: { maxMetadataBytes: 8 * MIB, sizeBytes: 2 ** 36 },
    expected: exhausted('maxMetadataBytes'),
  },
  {
    name: 'whose every path runs through long symlinks is stopped by the steps that takes',
    layers: () => [
      writeTar([
        directory('d'),
        symlink('s', 'd/../'.repeat(800)),
        ...Array.from({ length: 100 }, (_, at) => file(`s/${at}`)),
      ]),
    ],
    options: { maxPathSteps: 100_000 },
    expected: exhausted('maxPathSteps'),
  },
  archive('larger than its disk', [[file('a', Buffer.alloc(8 * MIB, 1))]], exhausted('sizeBytes'), {
    sizeBytes: 4 * MIB,
  }),
  archive(
    'of more files than its disk has inodes',
    [Array.from({ length: 40_000 }, (_, at) => empty(`${at}`))],
    exhausted('sizeBytes'),
    {
      sizeBytes: MIB,
      journal: false,
    },
  ),
  archive('under a limit of nothing', [[]], { code: 'invalid_argument', field: 'maxDepth' }, { maxDepth: 0 }),
  archive(
    'under a limit that is no number',
    [[]],
    { code: 'invalid_argument', field: 'maxEntries' },
    { maxEntries: Number.NaN },
  ),
  archive('with a file of 300 names', [[{ name: 'n'.repeat(300) }]], invalid('name')),
];

/** A layer of very many entries that is made while it is read. */
function manyEntries(count: number, entry: (at: number) => TarEntrySpec): () => AsyncIterable<Uint8Array> {
  return async function* layer() {
    for (let at = 0; at < count; at += 100) {
      yield writeTar(
        Array.from({ length: Math.min(100, count - at) }, (_, index) => entry(at + index)),
        false,
      );
    }
    yield Buffer.alloc(1024);
  };
}

function manyPaths(count: number, path: (at: number) => string): () => AsyncIterable<Uint8Array> {
  return manyEntries(count, (at) => ({ name: path(at) }));
}
