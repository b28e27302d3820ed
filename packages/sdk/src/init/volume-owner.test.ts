import { describe, expect, it } from 'vitest';
import type { CheckedVolume } from '../options/volume.js';
import { containerIds, volumeWarnings } from './volume-owner.js';

const volume = (ownerUid: number, readOnly = false): CheckedVolume => ({
  ...{ tag: 'uservol0', kind: 'directory' as const, hostPath: '/data', guestPath: '/d', readOnly },
  ...{ ownerUid, ownerGid: ownerUid, identity: { device: '1', inode: '2' } },
});

describe('the owner of volumes', () => {
  it.each([
    ['', { uid: 0, gid: 0 }],
    ['root', { uid: 0, gid: 0 }],
    ['1000', { uid: 1000, gid: 1000 }],
    ['1000:100', { uid: 1000, gid: 100 }],
    ['node', { uid: 0, gid: 0 }],
    ['99999999999', { uid: 0, gid: 0 }],
  ])('is mapped to the container user: "%s"', (user, ids) => {
    expect(containerIds(user)).toEqual(ids);
  });

  it('that runs the box needs no warning', () => {
    expect(volumeWarnings([volume(1000)], '1000:1000', 1000)).toEqual([]);
    expect(volumeWarnings([volume(1000)], 'root', 1000)).toEqual([]);
    expect(volumeWarnings([], 'node', 1000)).toEqual([]);
  });

  it('that is somebody else is told of, with what it means', () => {
    expect(volumeWarnings([volume(1000)], '', 0).join()).toMatch(/user 1000, and user 0 runs the box.*may write only/);
    expect(volumeWarnings([volume(1000, true)], '', 0).join()).not.toContain('write');
  });

  it('cannot be mapped to a name of the image, which is told with the remedy', () => {
    expect(volumeWarnings([volume(0)], 'node', 0).join()).toContain('give its number');
  });
});
