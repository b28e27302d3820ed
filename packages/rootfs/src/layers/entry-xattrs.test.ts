import { describe, expect, it } from 'vitest';
import { encodeXattrs } from '../ext4/xattr-encoding.js';
import type { TarEntry } from '../tar/tar-entry.js';
import { EntryXattrs } from './entry-xattrs.js';
import { layerLimitsOf } from './layer-limits.js';

const entryOf = (xattrs: Readonly<Record<string, string>>, type: TarEntry['type'] = 'file'): TarEntry => ({
  type,
  name: 'entry',
  linkName: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  size: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value, 'latin1')])),
});
const keeper = (limits = {}) => new EntryXattrs(layerLimitsOf(limits), encodeXattrs);
const kept = (xattrs: Readonly<Record<string, string>>, type?: TarEntry['type']) => [
  ...(keeper().keep(entryOf(xattrs, type))?.keys() ?? []),
];

describe('the attributes of entries', () => {
  it('are those Linux has for such a file', () => {
    const all = { 'user.a': '1', 'security.b': '2', 'trusted.c': '3', 'system.other': '4', 'com.apple.d': '5' };
    expect(kept(all)).toEqual(['user.a', 'security.b', 'trusted.c']);
    expect(kept(all, 'directory')).toEqual(['user.a', 'security.b', 'trusted.c']);
    for (const type of ['symlink', 'fifo', 'character-device', 'block-device'] as const)
      expect(kept(all, type)).toEqual(['security.b', 'trusted.c']);
    expect(keeper().keep(entryOf({ 'com.apple.d': '5' }))).toBeUndefined();
  });

  it('have default access control lists on directories only, and none at all on symlinks', () => {
    const list = '\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x05\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff';
    const both = { 'system.posix_acl_access': list, 'system.posix_acl_default': list };
    expect(kept(both, 'directory')).toEqual(Object.keys(both));
    expect(kept(both, 'file')).toEqual(['system.posix_acl_access']);
    expect(kept(both, 'symlink')).toEqual([]);
  });

  it('are held once for all files that carry the same', () => {
    const xattrs = keeper();
    const first = xattrs.keep(entryOf({ 'security.label': 'x', 'user.a': 'y' }));
    expect(xattrs.keep(entryOf({ 'security.label': 'x', 'user.a': 'y' }))).toBe(first);
    expect(xattrs.keep(entryOf({ 'security.label': 'x', 'user.a': 'z' }))).not.toBe(first);
    expect(xattrs.keep(entryOf({ 'security.label': 'xuser.a', '': 'y' }))).not.toBe(first);
  });

  it('keep no more of their header in memory than themselves', () => {
    const header = Buffer.alloc(1024 ** 2, 'x');
    const entry = { ...entryOf({}), xattrs: new Map([['user.a', header.subarray(10, 20)]]) };
    expect(keeper().keep(entry)?.get('user.a')?.buffer.byteLength).toBe(10);
  });

  it('count as a whole, also those that are left out', () => {
    const entry = entryOf({ 'com.apple.a': 'x'.repeat(50) });
    expect(() => keeper({ maxXattrBytes: 60 }).keep(entry)).toThrow(
      expect.objectContaining({
        code: 'resource_exhausted',
        details: { field: 'maxXattrBytes', limit: 60, entry: 'entry' },
      }),
    );
    expect(keeper({ maxXattrBytes: 61 }).keep(entry)).toBeUndefined();
  });

  it('that the disk cannot store are an error that names the entry and says why', () => {
    expect(() => keeper().keep(entryOf({ 'user.a': 'x'.repeat(4096) }))).toThrow(
      expect.objectContaining({
        code: 'layer_invalid',
        message: expect.stringMatching(/"entry".*do not fit/),
        details: { field: 'xattrs', entry: 'entry' },
      }),
    );
  });
});
