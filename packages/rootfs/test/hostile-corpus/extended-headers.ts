import { gnuLongNames } from '../support/write-gnu-tar.js';
import { type PaxRecordSpec, writeTar } from '../support/write-tar.js';
import {
  archive,
  escapes,
  exhausted,
  file,
  type HostileArchive,
  invalid,
  rawArchive,
  symlink,
  tree,
} from './hostile-archive.js';

const MIB = 1024 ** 2;
const ACL = 'SCHILY.xattr.system.posix_acl_access';

/** A pax header of any bytes, then a file. */
const withHeader = (name: string, body: string | Buffer, expected: HostileArchive['expected'], typeFlag = 'x') =>
  archive(name, [[{ name: 'PaxHeader', typeFlag, content: body }, file('a')]], expected);

/** A file with pax records. */
const withRecords = (name: string, pax: readonly PaxRecordSpec[], expected: HostileArchive['expected']) =>
  archive(name, [[{ ...file('a'), pax }]], expected);

/** Pax headers, attributes, GNU long names. */
export const EXTENDED_HEADERS: readonly HostileArchive[] = [
  withHeader('with a pax record longer than its header', '99 path=b\n', invalid()),
  withHeader('with a pax record shorter than it says', '8 path=bcdefgh\n', invalid()),
  withHeader('with a pax record of no length', '0 path=b\n', invalid()),
  withHeader('with a pax record of 10^30 bytes', `1${'0'.repeat(30)} path=b\n`, invalid()),
  withHeader('with a pax record without a key', '6 =bc\n', invalid()),
  withHeader('with a pax record without an equals sign', '7 abcd\n', invalid()),
  withHeader('with a pax record that does not end', '10 path=bcd', invalid()),
  withHeader('with a pax header of 2 MiB', Buffer.alloc(2 * MIB, '5 a=\n'), exhausted('maxHeaderBytes')),
  archive('with a pax header of negative size', [[{ name: 'x', typeFlag: 'x', size: -1 }]], invalid('size')),
  withHeader('with a global header that renames everything has no effect', '12 path=bad\n', tree({ a: 'a' }), 'g'),
  withHeader('with a global header that is no pax has no effect', 'anything', tree({ a: 'a' }), 'g'),
  withHeader('with a global header of 2 MiB', Buffer.alloc(2 * MIB), exhausted('maxHeaderBytes'), 'g'),
  rawArchive(
    'that ends between a pax header and its entry',
    () => writeTar([{ name: 'x', typeFlag: 'x', content: '10 path=b\n' }]),
    invalid(),
  ),
  archive(
    'with a thousand pax headers for one entry takes the last',
    [
      [
        ...Array.from({ length: 1000 }, (_, index) => ({
          name: 'x',
          typeFlag: 'x',
          content: `13 path=${String(index).padStart(4, '0')}\n`,
        })),
        file('a'),
      ],
    ],
    tree({ '0999': 'a' }),
  ),
  withRecords('with a NUL in a pax name', [['path', 'a\0b']], invalid('path')),
  withRecords('with a pax name that climbs out', [['path', '../../etc/passwd']], escapes()),
  withRecords('with a pax size of letters', [['size', 'many']], invalid('size')),
  withRecords('with a pax size larger than the data', [['size', '4096']], invalid()),
  withRecords('with a pax time of letters', [['mtime', 'yesterday']], invalid('mtime')),
  withRecords('with a pax time beyond all numbers', [['mtime', '9'.repeat(40)]], invalid('mtime')),
  withRecords('with a pax user of 2^40', [['uid', `${2 ** 40}`]], invalid('uid')),
  withRecords('with an attribute of 70 KiB', [['SCHILY.xattr.user.a', 'x'.repeat(70_000)]], exhausted('maxXattrBytes')),
  withRecords(
    'with 300 attributes on a file',
    Array.from({ length: 300 }, (_, index) => [`SCHILY.xattr.user.${index}`, 'x'] as const),
    exhausted('maxXattrNames'),
  ),
  withRecords('with an attribute larger than a block', [['SCHILY.xattr.user.a', 'x'.repeat(5000)]], invalid('xattrs')),
  withRecords(
    'with an attribute name of 300 bytes',
    [[`SCHILY.xattr.user.${'n'.repeat(300)}`, 'x']],
    invalid('xattrs'),
  ),
  withRecords('with a NUL in an attribute name', [['SCHILY.xattr.user.a\0b', 'x']], invalid('xattrs')),
  withRecords('with an attribute without a name', [['SCHILY.xattr.user.', 'x']], invalid('xattrs')),
  withRecords('with an access control list of garbage', [[ACL, 'garbage']], invalid('xattrs')),
  withRecords('with an attribute that is no base64', [['LIBARCHIVE.xattr.user.a', '****']], invalid('xattrs')),
  withRecords(
    'with attributes Linux does not have loses those',
    [
      ['SCHILY.xattr.com.apple.provenance', 'x'],
      ['LIBARCHIVE.xattr.com.apple.FinderInfo', 'AAAA'],
      ['SCHILY.xattr.system.data', 'inline data of ext4'],
      ['SCHILY.xattr.', 'x'],
    ],
    tree({ a: 'a' }),
  ),
  archive(
    'with user attributes on a symlink and a device loses those',
    [
      [
        { ...symlink('s', 'a'), pax: { 'SCHILY.xattr.user.a': 'x', [ACL]: 'x' } },
        { name: 'd', type: 'character-device', device: [1, 3], pax: { 'SCHILY.xattr.user.a': 'x' } },
      ],
    ],
    tree({ s: '-> a', d: 'character-device' }),
  ),
  rawArchive(
    'with a GNU long name of 2 MiB',
    () => gnuLongNames({ name: 'n'.repeat(2 * MIB) }),
    exhausted('maxHeaderBytes'),
  ),
  rawArchive(
    'with a GNU long name of 5000 bytes',
    () => gnuLongNames({ name: 'n/'.repeat(2500) }),
    exhausted('maxPathBytes'),
  ),
  rawArchive('with a GNU long name that climbs out', () => gnuLongNames({ name: `a/${'../'.repeat(60)}x` }), escapes()),
  rawArchive(
    'with a GNU long link target of 5000 bytes',
    () => gnuLongNames({ name: 'a', type: 'symlink', linkName: 't'.repeat(5000) }),
    invalid('linkName'),
  ),
  rawArchive('with an empty GNU long name', () => gnuLongNames({ name: '' }), invalid('name')),
];
