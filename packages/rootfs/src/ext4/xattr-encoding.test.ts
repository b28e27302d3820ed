import { describe, expect, it } from 'vitest';
import { encodePosixAcl } from './posix-acl.js';
import { encodeXattrs, INODE_XATTR_BYTES } from './xattr-encoding.js';

const map = (entries: Record<string, string | Uint8Array>) =>
  new Map(Object.entries(entries).map(([name, value]) => [name, Buffer.from(value)]));

describe('extended attributes', () => {
  it('stay in the inode while they fit', () => {
    const { inInode, block } = encodeXattrs(map({ 'user.a': 'value' }));
    expect(inInode).toHaveLength(INODE_XATTR_BYTES);
    expect(Buffer.from(inInode).subarray(0, 25).toString('hex')).toBe(
      '000002ea0101540000000000050000000000000061000000' + '00',
    );
    expect(block).toBeUndefined();
  });

  it('go to a block, sorted, when they do not', () => {
    const { block } = encodeXattrs(
      map({ 'user.long': 'x'.repeat(200), 'security.capability': 'y'.repeat(200), 'user.b': 'z'.repeat(90) }),
    );
    const names: string[] = [];
    for (let at = 32; block![at] !== 0; at += (16 + block![at]! + 3) & ~3) {
      names.push(Buffer.from(block!.subarray(at + 16, at + 16 + block![at]!)).toString());
    }
    expect(names).toEqual(['b', 'long', 'capability']);
  });

  it.each(['nonsense', 'user.', `user.${'n'.repeat(256)}`, 'com.apple.quarantine', 'system.posix_acl_accessory'])(
    'named %s are refused',
    (name) => {
      expect(() => encodeXattrs(map({ [name]: 'x' }))).toThrow(expect.objectContaining({ code: 'layer_invalid' }));
    },
  );

  it('too large for a block are refused with the limit', () => {
    expect(() => encodeXattrs(map({ 'user.a': 'x'.repeat(5000) }))).toThrow(
      expect.objectContaining({ code: 'layer_invalid', hint: expect.stringContaining('4096') }),
    );
  });

  it('with access control lists take the shorter form of ext4', () => {
    const none = [0xff, 0xff, 0xff, 0xff];
    const list = Uint8Array.from([2, 0, 0, 0, 1, 0, 7, 0, ...none, 2, 0, 5, 0, 0xd2, 4, 0, 0, 4, 0, 4, 0, ...none]);
    expect([...encodePosixAcl(list)]).toEqual([1, 0, 0, 0, 1, 0, 7, 0, 2, 0, 5, 0, 0xd2, 4, 0, 0, 4, 0, 4, 0]);
    for (const broken of [
      list.subarray(1),
      list.subarray(0, 7),
      Uint8Array.from([1, 0, 0, 0]),
      Uint8Array.from([2, 0, 0, 0, 9, 0, 7, 0, ...none]),
    ]) {
      expect(() => encodePosixAcl(broken)).toThrow(expect.objectContaining({ code: 'layer_invalid' }));
    }
  });
});
