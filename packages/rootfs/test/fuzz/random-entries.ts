import type { PaxRecordSpec, TarEntrySpec } from '../support/write-tar.js';

/** Returns an integer from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

export const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

const ORDINARY = ['a', 'b', 'c', 'd', '\xff', 'n'.repeat(250)];
const MARKS = ['.wh.a', '.wh.b', '.wh.c', '.wh.d', '.wh..wh..opq', '.wh..wh.plnk'];
const ODD = ['.', '..', '', '.wh.', '.wh..', 'lost+found', '...', 'a\0b', 'n'.repeat(256)];
const TYPES = [
  'file',
  'file',
  'directory',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
] as const;

/** A path; `odd` allows what is refused as well. */
export function randomName(random: Random, odd: boolean): string {
  const components = odd ? [...ORDINARY, ...MARKS, ...ODD] : [...ORDINARY.slice(0, 4), ...MARKS];
  const name = Array.from({ length: 1 + random(4) }, () => pick(random, components)).join('/');
  return `${random(5) === 0 ? '/' : ''}${name}`.slice(0, odd && random(30) === 0 ? 5000 : 95);
}

/** An entry of any kind with any values. */
export function hostileEntry(random: Random): TarEntrySpec {
  const type = pick(random, TYPES);
  return {
    name: randomName(random, true) || 'a',
    type,
    mode: random(0o10000),
    uid: pick(random, [0, 1000, 2 ** 32 - 1]),
    gid: random(2 ** 31),
    mtime: pick(random, [0, -(2 ** 35), 2 ** 36, random(2 ** 31)]),
    linkName: randomName(random, true).slice(0, 95),
    device: [random(4200), random(1_100_000)],
    ...(type === 'file' ? { content: randomContent(random) } : {}),
    ...(random(6) === 0 ? { pax: hostileRecords(random) } : {}),
  };
}

/** Makes entries that are mostly accepted, with names that meet each other and hard links to what was there at some time. */
export function harmlessEntries(random: Random): () => TarEntrySpec {
  const files: string[] = [];
  return () => {
    const type = pick(random, TYPES);
    const name = randomName(random, false);
    const isLink = type === 'hardlink' && files.length > 0;
    if (type === 'file' && !name.includes('.wh.')) files.push(name);
    const xattrs: PaxRecordSpec[] = [['SCHILY.xattr.user.a', `${random(3)}`]];
    return {
      name,
      type: type === 'hardlink' && !isLink ? 'directory' : type,
      mode: random(0o10000),
      uid: random(70_000),
      mtime: random(2 ** 31),
      // Mostly of late, so that it is still there.
      linkName: isLink
        ? files[Math.max(0, files.length - 1 - random(3))]!
        : pick(random, ['a', 'b/c', '../a', '/b', 'c/../d', 'd/d/d', '..']),
      device: [random(4096), random(2 ** 20)],
      ...(type === 'file' ? { content: randomContent(random) } : {}),
      ...(random(8) === 0 ? { pax: xattrs } : {}),
    };
  };
}

export function randomContent(random: Random): string | Buffer {
  return pick(random, ['', 'x', Buffer.alloc(random(20_000), random(2) * 7)]);
}

export function hostileRecords(random: Random): PaxRecordSpec[] {
  return Array.from({ length: 1 + random(3) }, () => [
    pick(random, [
      'mtime',
      'uid',
      'size',
      'path',
      'linkpath',
      'SCHILY.xattr.user.x',
      'SCHILY.xattr.security.capability',
      'SCHILY.xattr.system.posix_acl_access',
      'LIBARCHIVE.xattr.user.%61',
      'GNU.sparse.major',
      'GNU.sparse.minor',
      'GNU.sparse.size',
      'GNU.sparse.realsize',
      'GNU.sparse.map',
      'GNU.sparse.name',
      'GNU.sparse.offset',
      'GNU.sparse.numbytes',
      'comment',
    ]),
    pick(random, [
      '0',
      '1',
      '-1.5',
      '',
      'x',
      '0,1',
      'YWJj',
      '999999999999999',
      randomName(random, true),
      Buffer.alloc(random(6000), random(256)),
    ]),
  ]);
}
