import { describe, expect, it } from 'vitest';
import { attachedAs, createGuestRootfs, type GuestRootfs, parseGuestRootfs } from './guest-rootfs.js';

describe('a guest rootfs', () => {
  it('is direct and has an empty environment by default', () => {
    expect(createGuestRootfs({ path: '/srv/root' })).toEqual({
      path: '/srv/root',
      strategy: { kind: 'direct' },
      env: {},
    });
    expect(parseGuestRootfs({ path: '/srv/root' })).toEqual(createGuestRootfs({ path: '/srv/root' }));
  });

  it.each<GuestRootfs>([
    { path: '/a', strategy: { kind: 'direct' }, env: { A: 'b' }, kernel: '/k', initrd: '/i' },
    { path: '/a/merged', strategy: { kind: 'extracted', layers: 3 }, env: {} },
    { path: '/a/merged', strategy: { kind: 'overlay-mount', lower: ['/l1', '/l2'], upper: '/u', work: '/w' }, env: {} },
    { path: '/a.ext4', strategy: { kind: 'disk', diskPath: '/a.ext4' }, env: {} },
    { path: '/a.ext4', strategy: { kind: 'disk', diskPath: '/a.ext4', devicePath: '/dev/vdb' }, env: {} },
  ])('of strategy $strategy.kind survives JSON', (rootfs) => {
    expect(parseGuestRootfs(JSON.parse(JSON.stringify(rootfs)))).toEqual(rootfs);
  });

  it('on a disk has no device until it is attached', () => {
    const disk = createGuestRootfs({ path: '/a.ext4', strategy: { kind: 'disk', diskPath: '/a.ext4' } });
    expect(disk.strategy).not.toHaveProperty('devicePath');
    expect(attachedAs(disk, '/dev/vdb').strategy).toEqual({
      kind: 'disk',
      diskPath: '/a.ext4',
      devicePath: '/dev/vdb',
    });
    expect(() => attachedAs(createGuestRootfs({ path: '/a' }), '/dev/vdb')).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  it.each([
    [null, 'guestRootfs'],
    [{}, 'path'],
    [{ path: '/a', strategy: { kind: 'magic' } }, 'strategy.kind'],
    [{ path: '/a', strategy: { kind: 'extracted' } }, 'strategy.layers'],
    [{ path: '/a', strategy: { kind: 'overlay-mount', lower: [7], upper: '/u', work: '/w' } }, 'strategy.lower.0'],
    [{ path: '/a', strategy: { kind: 'disk' } }, 'strategy.diskPath'],
    [{ path: '/a', env: { A: 1 } }, 'env.A'],
  ])('from %j is refused with the field %s', (value, field) => {
    expect(() => parseGuestRootfs(value)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field } }),
    );
  });
});
