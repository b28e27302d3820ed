import { describe, expect, it } from 'vitest';
import { planPrune } from './plan-prune.js';
import type { StorageSnapshot } from './storage-snapshot.js';

const SNAPSHOT: StorageSnapshot = {
  images: [
    { reference: 'used:1', diskKeys: ['disk-used'], sizeBytes: 30, lastUsedAt: 100, boxes: ['web'] },
    { reference: 'idle:1', diskKeys: ['disk-idle'], sizeBytes: 30, lastUsedAt: 50, boxes: [] },
  ],
  blobs: [
    { digest: 'shared', bytes: 10, storedAt: 1, referencedBy: ['used:1', 'idle:1'] },
    { digest: 'used', bytes: 20, storedAt: 1, referencedBy: ['used:1'] },
    { digest: 'idle', bytes: 20, storedAt: 1, referencedBy: ['idle:1'] },
    { digest: 'dangling', bytes: 5, storedAt: 1, referencedBy: [] },
  ],
  imageDisks: [
    { key: 'disk-used', bytes: 100, lastUsedAt: 100, users: [] },
    { key: 'disk-idle', bytes: 100, lastUsedAt: 50, users: [] },
    { key: 'disk-old-tag', bytes: 100, lastUsedAt: 10, users: [] },
    { key: 'disk-of-a-box', bytes: 100, lastUsedAt: 5, users: ['web'] },
    { key: 'disk-being-started-from', bytes: 100, lastUsedAt: 5, users: ['process 7 (start)'] },
  ],
  guestRootfs: [
    { name: 'now', bytes: 7, isCurrent: true, boxes: [] },
    { name: 'before', bytes: 7, isCurrent: false, boxes: ['web'] },
    { name: 'older', bytes: 7, isCurrent: false, boxes: [] },
  ],
  kernels: [
    { name: 'k1', bytes: 3, isCurrent: true, users: [] },
    { name: 'k2', bytes: 3, isCurrent: false, users: [] },
    { name: 'of-a-snapshot', bytes: 3, isCurrent: false, users: ['snapshot before of web'] },
  ],
  templates: [
    { key: 'good', bytes: 9, lastUsedAt: 50, isUsable: true, isInUse: false },
    { key: 'damaged', bytes: 9, lastUsedAt: 100, isUsable: false, isInUse: false },
    { key: 'starting', bytes: 9, lastUsedAt: 1, isUsable: true, isInUse: true },
  ],
  boxes: [{ name: 'web', bytes: 50, isRunning: false }],
  snapshots: [],
  staging: [],
};
const ALWAYS = Number.POSITIVE_INFINITY;

function names(all: boolean, until = ALWAYS) {
  const plan = planPrune(SNAPSHOT, { all, until });
  return {
    images: plan.images.map(({ reference }) => reference),
    blobs: plan.blobs.map(({ digest }) => digest),
    disks: plan.imageDisks.map(({ key }) => key),
    guestRootfs: plan.guestRootfs.map(({ name }) => name),
    kernels: plan.kernels.map(({ name }) => name),
    templates: plan.templates.map(({ key }) => key),
  };
}

describe('a prune', () => {
  it('takes what no image and no box needs, and nothing else', () => {
    expect(names(false)).toEqual({
      images: [],
      blobs: ['dangling'],
      disks: ['disk-old-tag'],
      guestRootfs: ['older'],
      kernels: ['k2'],
      templates: ['damaged'],
    });
  });

  it('of all takes images without boxes too, with the blobs and disks nobody else needs', () => {
    expect(names(true)).toMatchObject({
      images: ['idle:1'],
      blobs: ['idle', 'dangling'],
      disks: ['disk-idle', 'disk-old-tag'],
      templates: ['good', 'damaged'],
    });
  });

  it('keeps images and disks that were used since the moment given', () => {
    expect(names(true, 50)).toMatchObject({ images: [], disks: ['disk-old-tag'], templates: ['damaged'] });
    expect(names(true, 51)).toMatchObject({ images: ['idle:1'] });
    expect(names(false, 10)).toMatchObject({ disks: [], blobs: ['dangling'] });
    expect(names(false, 1)).toMatchObject({ blobs: [] });
  });
});
