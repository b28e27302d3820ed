import { describe, expect, it } from 'vitest';
import { type TarEntrySpec, writeTar } from '../../test/support/write-tar.js';
import type { TarEntry, TarSink } from './tar-entry.js';
import { TarReader } from './tar-reader.js';

interface ReadEntry extends TarEntry {
  content: string;
}

function read(archive: Buffer, pieceBytes = archive.length): ReadEntry[] {
  const entries: ReadEntry[] = [];
  const last = () => entries[entries.length - 1]!;
  let ended = 0;
  const reader = new TarReader({
    entry: (entry) => entries.push({ ...entry, content: '' }),
    data: (bytes) => {
      last().content += bytes.toString('latin1');
    },
    hole: (count) => {
      last().content += '\0'.repeat(count);
    },
    endEntry: () => ended++,
  });
  for (let at = 0; at < archive.length; at += pieceBytes) reader.push(archive.subarray(at, at + pieceBytes));
  reader.finish();
  expect(ended).toBe(entries.length);
  return entries;
}

const IGNORE: TarSink = {
  entry: () => undefined,
  data: () => undefined,
  hole: () => undefined,
  endEntry: () => undefined,
};

const code = (wanted: string) => expect.objectContaining({ code: wanted });

const MIXED: readonly TarEntrySpec[] = [
  { name: './', type: 'directory', mode: 0o755 },
  { name: 'file', content: 'x'.repeat(1500), mode: 0o4755, uid: 5, gid: 4_000_000_000, mtime: -7 },
  {
    name: `${'long/'.repeat(60)}name`,
    content: 'deep',
    pax: { mtime: '1.5', 'SCHILY.xattr.user.a': Buffer.from([0x80, 0xff]) },
  },
  { name: 'link', type: 'hardlink', linkName: 'file' },
  { name: 'symlink', type: 'symlink', linkName: '../'.repeat(50) },
  { name: 'tty', type: 'character-device', device: [5, 1] },
  { name: 'empty' },
  { name: '\xff\xfe', content: 'bytes' },
];

describe('the archive reader', () => {
  it('reads the same whatever the pieces are', () => {
    const archive = writeTar(MIXED);
    const whole = read(archive);
    expect(whole.map(({ name }) => name)).toEqual(MIXED.map(({ name }) => name));
    expect(whole[1]).toMatchObject({
      mode: 0o4755,
      uid: 5,
      gid: 4_000_000_000,
      mtime: { seconds: -7, nanoseconds: 0 },
    });
    expect(whole[2]).toMatchObject({ content: 'deep', mtime: { seconds: 1, nanoseconds: 500_000_000 } });
    expect(whole[2]?.xattrs?.get('user.a')).toEqual(Buffer.from([0x80, 0xff]));
    expect(whole[4]?.linkName).toBe('../'.repeat(50));
    for (const pieceBytes of [1, 7, 511, 512, 513, 1024, 4096]) expect(read(archive, pieceBytes)).toEqual(whole);
  });

  it('takes an archive that ends between entries, and one of nothing', () => {
    expect(read(writeTar(MIXED, false))).toHaveLength(MIXED.length);
    expect(read(Buffer.alloc(0))).toEqual([]);
    expect(read(Buffer.alloc(1024))).toEqual([]);
  });

  it('ignores what follows the end mark', () => {
    expect(read(Buffer.concat([writeTar([{ name: 'a' }]), Buffer.alloc(3000, 'garbage')]))).toHaveLength(1);
  });

  it('refuses an archive cut at any place but between entries', () => {
    const archive = writeTar(MIXED.slice(1, 3), false);
    const borders = [0, 512 + 1536];
    for (let length = 1; length < archive.length; length += 131) {
      if (!borders.includes(length))
        expect(() => read(archive.subarray(0, length)), `${length}`).toThrow(code('layer_invalid'));
    }
    // Between a long name and its entry.
    expect(() => read(archive.subarray(0, 512 + 1536 + 1024))).toThrow(code('layer_invalid'));
  });

  it('refuses a damaged header', () => {
    const archive = writeTar([{ name: 'file', content: 'x' }]);
    archive[3] = (archive[3] as number) ^ 1;
    expect(() => read(archive)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field: 'checksum' }) }),
    );
  });

  it('takes a checksum of signed characters, as old programs wrote them', () => {
    const archive = writeTar([{ name: '\xff\xff' }]);
    const stored = Number.parseInt(archive.toString('latin1', 148, 154), 8);
    archive.write((stored - 512).toString(8).padStart(6, '0'), 148, 'latin1');
    expect(read(archive)[0]?.name).toBe('\xff\xff');
  });

  it.each([
    ['in octal', 5 * 1024 ** 3, {}],
    ['in base 256', 9 * 1024 ** 3, {}],
    ['in a pax record', 9 * 1024 ** 3, { pax: { size: `${9 * 1024 ** 3}` }, size: 0 }],
  ])('reads a file beyond 4 and 8 GiB to its last byte, its size %s', (_where, size, told) => {
    const entries: [string, number][] = [];
    let bytes = 0;
    const reader = new TarReader({
      ...IGNORE,
      entry: (entry) => entries.push([entry.name, entry.size]),
      data: (piece) => {
        bytes += piece.length;
      },
    });
    reader.push(writeTar([{ name: 'huge', size, ...told }], false));
    const piece = Buffer.alloc(1024 ** 2, 1);
    for (let at = 0; at < size; at += piece.length) reader.push(piece);
    reader.push(writeTar([{ name: 'next' }]));
    reader.finish();
    expect(entries).toEqual([
      ['huge', size],
      ['next', 0],
    ]);
    expect(bytes).toBe(size);
  });

  it('names the entry of an unknown type', () => {
    expect(() => read(writeTar([{ name: 'odd', typeFlag: 'M' }]))).toThrow(
      expect.objectContaining({ code: 'layer_invalid', details: expect.objectContaining({ entry: 'odd' }) }),
    );
  });

  it('gives pax global headers no effect, as the tools that unpack layers have it', () => {
    const global = writeTar([{ name: 'g', typeFlag: 'g', content: '12 path=bad\n' }], false);
    expect(read(Buffer.concat([global, writeTar([{ name: 'good' }])])).map(({ name }) => name)).toEqual(['good']);
  });

  it('reads GNU long names and long link names', () => {
    const long = 'n'.repeat(300);
    const target = 't'.repeat(300);
    const archive = Buffer.concat([
      writeTar([{ name: '././@LongLink', typeFlag: 'L', content: `${long}\0` }], false),
      writeTar([{ name: '././@LongLink', typeFlag: 'K', content: `${target}\0` }], false),
      writeTar([{ name: 'short', type: 'symlink', linkName: 'short' }, { name: 'next' }]),
    ]);
    expect(read(archive)).toMatchObject([{ name: long, linkName: target }, { name: 'next' }]);
  });

  it('takes a name that ends with a slash for a directory', () => {
    expect(read(writeTar([{ name: 'old/' }]))[0]?.type).toBe('directory');
  });

  it.each([
    ['a negative size', [{ name: 'x', size: -512 }]],
    ['a size beyond ext4', [{ name: 'x', size: 2 ** 45 }]],
    ['a negative user', [{ name: 'x', uid: -1 }]],
    ['a user beyond 32 bits', [{ name: 'x', uid: 2 ** 33 }]],
  ] as [string, TarEntrySpec[]][])('refuses %s', (_what, entries) => {
    expect(() => read(writeTar(entries))).toThrow(code('layer_invalid'));
  });

  it.each(['x', 'g', 'L', 'K'])(
    'refuses an extended header (%s) beyond its limit, which the error names',
    (typeFlag) => {
      const archive = writeTar([{ name: 'x', typeFlag, content: Buffer.alloc(600, '5 a=\n') }, { name: 'y' }]);
      expect(() => new TarReader(IGNORE, 599).push(archive)).toThrow(
        expect.objectContaining({ code: 'resource_exhausted', details: { field: 'maxHeaderBytes', limit: 599 } }),
      );
      expect(() => new TarReader(IGNORE, 600).push(archive)).not.toThrow();
    },
  );

  it('refuses an entry behind one block of zeros', () => {
    const archive = Buffer.concat([Buffer.alloc(512), writeTar([{ name: 'x' }])]);
    expect(() => read(archive)).toThrow(code('layer_invalid'));
  });
});

describe('sparse files', () => {
  const version1 = (map: string, data: string, size = '20') =>
    writeTar([
      {
        name: 'GNUSparseFile.0/real',
        pax: {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'real',
          'GNU.sparse.realsize': size,
        },
        content: map.padEnd(512, '\0') + data,
      },
      { name: 'after', content: 'after' },
    ]);

  it('of version 1.0 are read with their holes and their real name', () => {
    const archive = version1('2\n2\n3\n10\n4\n', 'abcdefg');
    for (const pieceBytes of [1, 100, 512, 5000]) {
      expect(read(archive, pieceBytes)).toMatchObject([
        { name: 'real', size: 20, content: '\0\0abc\0\0\0\0\0defg\0\0\0\0\0\0' },
        { name: 'after', content: 'after' },
      ]);
    }
  });

  it('of version 0.1 have their map in the header', () => {
    const pax = { 'GNU.sparse.size': '6', 'GNU.sparse.map': '1,2,4,1', 'GNU.sparse.name': 'real' };
    expect(read(writeTar([{ name: 'x', pax, content: 'abc' }]))).toMatchObject([
      { name: 'real', content: '\0ab\0c\0' },
    ]);
  });

  it.each([
    ['a map out of order', '2\n10\n3\n2\n4\n', 'abcdefg'],
    ['a map beyond the file', '1\n18\n3\n', 'abc'],
    ['a map of letters', '2\nx\n', ''],
    ['a map of a billion pieces', '1000000000\n', ''],
    ['a map that never ends', '900\n1\n', ''],
    ['less data than the map says', '1\n0\n9\n', 'abc'],
    ['more data than the map says', '1\n0\n1\n', 'abc'],
  ])('with %s are refused', (_what, map, data) => {
    expect(() => read(version1(map, data))).toThrow(code('layer_invalid'));
  });

  it('with a real size beyond ext4 are refused', () => {
    expect(() => read(version1('0\n', '', '999999999999999'))).toThrow(code('layer_invalid'));
  });
});
