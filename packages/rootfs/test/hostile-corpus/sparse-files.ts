import { oldGnuSparse, paxSparse, type SparsePiece } from '../support/write-gnu-tar.js';
import { type PaxRecordSpec, sealHeader, writeTar } from '../support/write-tar.js';
import { archive, escapes, exhausted, type HostileArchive, invalid, rawArchive, tree } from './hostile-archive.js';

const KIB = 1024;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const piece = (offset: number, text: string): SparsePiece => ({ offset, data: Buffer.from(text) });

/** A sparse file of version 1.0 with a map of any text. */
const withMap = (name: string, map: string, data: string, expected: HostileArchive['expected'], realSize = '20') =>
  archive(
    name,
    [
      [
        {
          name: 'x',
          pax: {
            'GNU.sparse.major': '1',
            'GNU.sparse.minor': '0',
            'GNU.sparse.name': 's',
            'GNU.sparse.realsize': realSize,
          },
          content: map.padEnd(Math.ceil(map.length / 512) * 512, '\0') + data,
        },
      ],
    ],
    expected,
  );

const withRecords = (name: string, pax: readonly PaxRecordSpec[], expected: HostileArchive['expected']) =>
  archive(name, [[{ name: 's', pax, content: 'abc' }]], expected);

/** Sparse files of all four kinds. */
export const SPARSE_FILES: readonly HostileArchive[] = [
  withMap('with a sparse map out of order', '2\n10\n3\n2\n4\n', 'abcdefg', invalid()),
  withMap('with a sparse map that overlaps', '2\n0\n4\n2\n3\n', 'abcdefg', invalid()),
  withMap('with a sparse map beyond its file', '1\n18\n3\n', 'abc', invalid()),
  withMap('with a sparse map of letters', '2\nx\n', '', invalid()),
  withMap('with a sparse map of negative numbers', '1\n-1\n3\n', 'abc', invalid()),
  withMap('with a sparse map of a billion pieces', '1000000000\n', '', invalid()),
  withMap('with a sparse map that never ends', '900\n1\n', '', invalid()),
  withMap('with a sparse number of 100 digits', `1\n${'9'.repeat(100)}\n1\n`, 'x', invalid()),
  withMap('with a sparse file of too little data', '1\n0\n9\n', 'abc', invalid()),
  withMap('with a sparse file of too much data', '1\n0\n1\n', 'abc', invalid()),
  withMap('with a sparse file beyond ext4', '0\n', '', invalid('size'), '999999999999999'),
  archive(
    'with a sparse file of 15 TiB and one byte is a file of holes',
    [[paxSparse('1.0', 's', 15 * TIB, [piece(7 * TIB, 'x')])]],
    tree({ s: `<hole of ${7 * TIB}>x<hole of ${8 * TIB - 1}>` }),
  ),
  archive(
    'with single bytes far apart does not fit its disk',
    [
      [
        paxSparse(
          '1.0',
          's',
          TIB,
          Array.from({ length: 20_000 }, (_, index) => piece(index * 128 * KIB, 'x')),
        ),
      ],
    ],
    exhausted('sizeBytes'),
  ),
  withRecords(
    'with a sparse map of odd length',
    [
      ['GNU.sparse.size', '9'],
      ['GNU.sparse.map', '0,3,5'],
    ],
    invalid(),
  ),
  withRecords('with a sparse map and no size', [['GNU.sparse.map', '0,3']], invalid()),
  withRecords(
    'with an offset of version 0.0 and no length',
    [
      ['GNU.sparse.size', '9'],
      ['GNU.sparse.offset', '0'],
    ],
    invalid(),
  ),
  withRecords('with a sparse file of version 2', [['GNU.sparse.major', '2']], invalid()),
  withRecords(
    'with a sparse name that climbs out',
    [
      ['GNU.sparse.size', '3'],
      ['GNU.sparse.map', '0,3'],
      ['GNU.sparse.name', '../../evil'],
    ],
    escapes(),
  ),
  withRecords(
    'with a NUL in a sparse name',
    [
      ['GNU.sparse.size', '3'],
      ['GNU.sparse.map', '0,3'],
      ['GNU.sparse.name', 'a\0b'],
    ],
    invalid('name'),
  ),
  rawArchive(
    'with an old GNU map out of order',
    () => oldGnuSparse('s', 8 * KIB, [piece(4096, 'abc'), piece(0, 'def')]),
    invalid(),
  ),
  rawArchive('with an old GNU map beyond its file', () => oldGnuSparse('s', 100, [piece(99, 'abc')]), invalid()),
  rawArchive(
    'of old GNU tar with a sparse file of 9 GiB, its size in base 256',
    () => oldGnuSparse('s', 9 * GIB, [piece(8 * GIB, 'x')]),
    tree({ s: `<hole of ${8 * GIB}>x<hole of ${GIB - 1}>` }),
  ),
  rawArchive('with an old GNU map that goes on for ever', endlessOldMap, exhausted('maxHeaderBytes')),
  rawArchive('cut in an old GNU map', () => endlessOldMap().subarray(0, 5000), invalid()),
];

/** Each block of the map says that another one follows. */
function endlessOldMap(): Buffer {
  const header = writeTar([{ name: 's', typeFlag: 'S', format: 'gnu' }], false);
  header[482] = 1;
  sealHeader(header);
  const block = Buffer.alloc(512);
  block[504] = 1;
  return Buffer.concat([header, ...Array.from({ length: 3000 }, () => block)]);
}
