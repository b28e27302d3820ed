import { describe, expect, it } from 'vitest';
import { parsePaxRecords, parsePaxTime, readPaxAttributes } from './pax-records.js';

const invalid = expect.objectContaining({ code: 'layer_invalid' });

describe('pax records', () => {
  it('keep values as bytes, newlines and equals signs in them included', () => {
    const value = Buffer.from([0x01, 0x80, 0xff, 0x0a, 0x3d, 0x00]);
    const start = Buffer.from('30 SCHILY.xattr.user.a=');
    const records = parsePaxRecords(Buffer.concat([start, value, Buffer.from('\n8 a=bcd\n')]));
    expect(records).toEqual([
      ['SCHILY.xattr.user.a', value],
      ['a', Buffer.from('bcd')],
    ]);
    expect(readPaxAttributes(records).xattrs?.get('user.a')).toEqual(value);
  });

  it.each(['5', '9999 a=b\n', '6 a=bc\n', '6 ab\n\n', '0 a=b\n', '-1 a=b\n', 'x a=b\n', '5 =b\n', '7 a=b\nx'])(
    'refuse %j',
    (text) => {
      expect(() => parsePaxRecords(Buffer.from(text))).toThrow(invalid);
    },
  );

  it('are taken back by an empty value', () => {
    const records = parsePaxRecords(Buffer.from('10 path=x\n8 path=\n'));
    expect(readPaxAttributes(records)).toEqual({});
  });

  it.each(['size', 'uid', 'gid'])('refuse a %s that is no number', (key) => {
    expect(() => readPaxAttributes([[key, Buffer.from('-5')]])).toThrow(invalid);
  });

  it('tell attributes in the form of libarchive too, names percent-encoded and values in base64', () => {
    const records = (pairs: Record<string, string>) =>
      readPaxAttributes(Object.entries(pairs).map(([key, value]) => [key, Buffer.from(value)])).xattrs;
    expect(records({ 'LIBARCHIVE.xattr.user.%E4%3d%zz': 'AIH/' })).toEqual(
      new Map([['user.\xe4=%zz', Buffer.from([0x00, 0x81, 0xff])]]),
    );
    expect(records({ 'LIBARCHIVE.xattr.user.a': 'YQ', 'LIBARCHIVE.xattr.user.b': '' })).toEqual(
      new Map([
        ['user.a', Buffer.from('a')],
        ['user.b', Buffer.alloc(0)],
      ]),
    );
    // Of both forms the plain one counts, wherever it stands.
    expect(records({ 'SCHILY.xattr.user.a': 'plain', 'LIBARCHIVE.xattr.user.a': 'YQ==' })).toEqual(
      new Map([['user.a', Buffer.from('plain')]]),
    );
    expect(() => records({ 'LIBARCHIVE.xattr.user.a': 'not base64!' })).toThrow(invalid);
  });

  it('refuse names with a NUL', () => {
    expect(() => readPaxAttributes([['path', Buffer.from('a\0b')]])).toThrow(invalid);
  });
});

describe('pax times', () => {
  it.each([
    ['0', 0, 0],
    ['12.5', 12, 500_000_000],
    ['12.', 12, 0],
    ['1.0000000019', 1, 1],
    ['-0.25', -1, 750_000_000],
    ['-3', -3, 0],
    ['-1.000000001', -2, 999_999_999],
  ])('read %j', (text, seconds, nanoseconds) => {
    expect(parsePaxTime(text)).toEqual({ seconds, nanoseconds });
  });

  it.each(['', 'x', '1e9', '1.x', '--1', '9'.repeat(16)])('refuse %j', (text) => {
    expect(() => parsePaxTime(text)).toThrow(invalid);
  });
});
