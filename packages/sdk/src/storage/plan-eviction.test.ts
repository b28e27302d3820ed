import { describe, expect, it } from 'vitest';
import { EVICTION_GRACE_MS, planEviction } from './plan-eviction.js';
import type { RemovalPlan } from './plan-prune.js';
import type { StorageSnapshot } from './storage-snapshot.js';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const daysAgo = (days: number) => NOW - days * DAY;
const SNAPSHOT: StorageSnapshot = {
  images: [
    { reference: 'old:1', diskKeys: ['old'], sizeBytes: 30, lastUsedAt: daysAgo(30), boxes: [] },
    { reference: 'new:1', diskKeys: ['new'], sizeBytes: 30, lastUsedAt: daysAgo(2), boxes: [] },
    { reference: 'boxed:1', diskKeys: ['boxed'], sizeBytes: 30, lastUsedAt: daysAgo(90), boxes: ['web'] },
  ],
  blobs: [
    { digest: 'shared', bytes: 10, storedAt: 1, referencedBy: ['old:1', 'new:1'] },
    { digest: 'old', bytes: 20, storedAt: 1, referencedBy: ['old:1'] },
    { digest: 'new', bytes: 20, storedAt: 1, referencedBy: ['new:1'] },
    { digest: 'boxed', bytes: 20, storedAt: 1, referencedBy: ['boxed:1'] },
  ],
  imageDisks: [
    { key: 'old', bytes: 100, lastUsedAt: daysAgo(30), users: [] },
    { key: 'new', bytes: 100, lastUsedAt: daysAgo(2), users: [] },
    { key: 'boxed', bytes: 100, lastUsedAt: daysAgo(90), users: ['web'] },
  ],
  guestRootfs: [],
  kernels: [],
  templates: [],
  boxes: [],
  snapshots: [],
  staging: [],
};

const names = (plan: RemovalPlan) => ({
  images: plan.images.map(({ reference }) => reference),
  blobs: plan.blobs.map(({ digest }) => digest),
  disks: plan.imageDisks.map(({ key }) => key),
});

describe('eviction', () => {
  it('takes nothing while everything fits', () => {
    expect(names(planEviction(SNAPSHOT, { maxBytes: 370 }, NOW))).toEqual({ images: [], blobs: [], disks: [] });
  });

  it('takes the disk used least recently first: it can be made again without a network', () => {
    expect(names(planEviction(SNAPSHOT, { maxBytes: 369 }, NOW))).toEqual({ images: [], blobs: [], disks: ['old'] });
  });

  it('goes on with the image, then with what was used later, as far as needed', () => {
    expect(names(planEviction(SNAPSHOT, { maxBytes: 269 }, NOW))).toEqual({
      images: ['old:1'],
      blobs: ['old'],
      disks: ['old'],
    });
    expect(names(planEviction(SNAPSHOT, { maxBytes: 200 }, NOW)).disks).toEqual(['old', 'new']);
  });

  it('never takes what a box was made from, however old, and however little room is allowed', () => {
    expect(names(planEviction(SNAPSHOT, { maxBytes: 0, maxAgeDays: 1 }, NOW))).toEqual({
      images: ['old:1', 'new:1'],
      blobs: ['shared', 'old', 'new'],
      disks: ['old', 'new'],
    });
  });

  it('takes what was not used for longer than allowed, also when everything fits', () => {
    expect(names(planEviction(SNAPSHOT, { maxAgeDays: 7 }, NOW))).toEqual({
      images: ['old:1'],
      blobs: ['old'],
      disks: ['old'],
    });
  });

  it('leaves alone what was used a moment ago: a pull is followed by a start', () => {
    const now = daysAgo(2) + EVICTION_GRACE_MS;
    const plan = names(planEviction(SNAPSHOT, { maxBytes: 0 }, now));
    expect(plan).toEqual({ images: ['old:1'], blobs: ['old'], disks: ['old'] });
  });
});
