import { octal, type PaxRecordSpec, type TarEntrySpec, writeTar } from './write-tar.js';

/** Stored bytes of a sparse file and where they belong. */
export interface SparsePiece {
  readonly offset: number;
  readonly data: Buffer;
}

/** An entry whose name and link target stand in GNU's own long-name entries, without the end of the archive. */
export function gnuLongNames(entry: TarEntrySpec): Buffer {
  const long = (typeFlag: 'L' | 'K', text: string) =>
    writeTar([{ name: '././@LongLink', typeFlag, content: `${text}\0`, format: 'gnu' }], false);
  return Buffer.concat([
    long('L', entry.name),
    ...(entry.linkName === undefined ? [] : [long('K', entry.linkName)]),
    writeTar(
      [{ ...entry, format: 'gnu', name: 'cut', ...(entry.linkName === undefined ? {} : { linkName: 'cut' }) }],
      false,
    ),
  ]);
}

/** A sparse file of old GNU tar: four pieces in the header, 21 in each block behind it. Without the end of the archive. */
export function oldGnuSparse(name: string, realSize: number, pieces: readonly SparsePiece[]): Buffer {
  const data = Buffer.concat(pieces.map((piece) => piece.data));
  const blocks = Array.from({ length: Math.ceil(Math.max(0, pieces.length - 4) / 21) }, () => Buffer.alloc(512));
  const put = (block: Buffer, at: number, piece: SparsePiece) => {
    octal(block, at, 12, piece.offset);
    octal(block, at + 12, 12, piece.data.length);
  };
  for (const [index, piece] of pieces.slice(4).entries())
    put(blocks[Math.floor(index / 21)]!, (index % 21) * 24, piece);
  for (const block of blocks.slice(0, -1)) block[504] = 1;
  const entry = writeTar(
    [
      {
        name,
        typeFlag: 'S',
        format: 'gnu',
        size: data.length,
        header: (block) => {
          for (const [index, piece] of pieces.slice(0, 4).entries()) put(block, 386 + index * 24, piece);
          block[482] = blocks.length > 0 ? 1 : 0;
          octal(block, 483, 12, realSize);
        },
      },
    ],
    false,
  );
  return Buffer.concat([entry, ...blocks, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

/** A sparse file as GNU tar writes it into pax headers. */
export function paxSparse(
  version: '0.0' | '0.1' | '1.0',
  name: string,
  realSize: number,
  pieces: readonly SparsePiece[],
): TarEntrySpec {
  const data = Buffer.concat(pieces.map((piece) => piece.data));
  const numbers = pieces.flatMap((piece) => [piece.offset, piece.data.length]);
  if (version === '1.0') {
    const map = Buffer.from(`${[pieces.length, ...numbers].join('\n')}\n`);
    const records: PaxRecordSpec[] = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', Buffer.from(name, 'latin1')],
      ['GNU.sparse.realsize', `${realSize}`],
    ];
    const padding = Buffer.alloc((512 - (map.length % 512)) % 512);
    return { name: 'GNUSparseFile.0/x', pax: records, content: Buffer.concat([map, padding, data]) };
  }
  const common: PaxRecordSpec[] = [
    ['GNU.sparse.size', `${realSize}`],
    ['GNU.sparse.numblocks', `${pieces.length}`],
  ];
  if (version === '0.1') {
    const named: PaxRecordSpec[] = [
      ['GNU.sparse.name', Buffer.from(name, 'latin1')],
      ['GNU.sparse.map', numbers.join(',')],
    ];
    return { name: 'GNUSparseFile.0/x', pax: [...common, ...named], content: data };
  }
  const repeated = pieces.flatMap((piece): PaxRecordSpec[] => [
    ['GNU.sparse.offset', `${piece.offset}`],
    ['GNU.sparse.numbytes', `${piece.data.length}`],
  ]);
  return { name, pax: [...common, ...repeated], content: data };
}
