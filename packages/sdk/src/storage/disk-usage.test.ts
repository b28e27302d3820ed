import { describe, expect, it } from 'vitest';
import { diskUsage } from './disk-usage.js';
import type { StorageSnapshot } from './storage-snapshot.js';

const SNAPSHOT: StorageSnapshot = {
  images: [
    { reference: 'a:1', diskKeys: ['a'.repeat(64)], sizeBytes: 30, lastUsedAt: 5, boxes: ['web'] },
    { reference: 'b:1', diskKeys: [], sizeBytes: 25, lastUsedAt: 4, boxes: [] },
  ],
  blobs: [
    { digest: 'shared', bytes: 10, storedAt: 1, referencedBy: ['a:1', 'b:1'] },
    { digest: 'of-a', bytes: 20, storedAt: 1, referencedBy: ['a:1'] },
    { digest: 'of-b', bytes: 15, storedAt: 1, referencedBy: ['b:1'] },
  ],
  imageDisks: [
    { key: 'a'.repeat(64), bytes: 100, lastUsedAt: 5, users: ['web'] },
    { key: 'c'.repeat(64), bytes: 50, lastUsedAt: 1, users: [] },
  ],
  guestRootfs: [{ name: 'agent', bytes: 7, isCurrent: true, boxes: [] }],
  kernels: [{ name: 'f'.repeat(64), bytes: 3, isCurrent: true, users: [] }],
  templates: [{ key: 'd'.repeat(32), bytes: 9, lastUsedAt: 3, isUsable: true, isInUse: false }],
  boxes: [{ name: 'web', bytes: 40, isRunning: true }],
  snapshots: [
    { name: 'web:before', bytes: 11, users: ['web'] },
    { name: 'disk of forks of gone', bytes: 5, users: [] },
  ],
  staging: [{ name: 'pull', bytes: 2 }],
};

describe('disk usage', () => {
  it('counts each byte once, and as reclaimable what a prune of all would free', () => {
    const { kinds, bytes, reclaimableBytes } = diskUsage(SNAPSHOT);
    expect(kinds.map(({ entries: _entries, ...sums }) => sums)).toEqual([
      { kind: 'images', count: 2, active: 1, bytes: 45, reclaimableBytes: 15 },
      { kind: 'image-disks', count: 2, active: 1, bytes: 150, reclaimableBytes: 50 },
      { kind: 'guest-rootfs', count: 1, active: 1, bytes: 7, reclaimableBytes: 0 },
      { kind: 'kernels', count: 1, active: 1, bytes: 3, reclaimableBytes: 0 },
      { kind: 'templates', count: 1, active: 1, bytes: 9, reclaimableBytes: 9 },
      { kind: 'boxes', count: 1, active: 1, bytes: 40, reclaimableBytes: 0 },
      { kind: 'snapshots', count: 2, active: 1, bytes: 16, reclaimableBytes: 5 },
      { kind: 'staging', count: 1, active: 1, bytes: 2, reclaimableBytes: 0 },
    ]);
    expect([bytes, reclaimableBytes]).toEqual([272, 79]);
  });

  it('names a disk by its image, and one of no image by the beginning of its key', () => {
    const disks = diskUsage(SNAPSHOT).kinds.find(({ kind }) => kind === 'image-disks');
    expect(disks?.entries).toEqual([
      { name: 'a:1', bytes: 100, active: true, usedBy: ['web'], lastUsedAt: 5 },
      { name: 'cccccccccccc', bytes: 50, active: false, usedBy: [], lastUsedAt: 1 },
    ]);
  });
});
