import { describe, expect, it } from 'vitest';
import { chooseImageDisks, type ImageDiskLimits } from './choose-image-disks.js';
import type { ImageDiskUsage } from './image-disk-usage.js';

const NOW = 1_000_000;
const HOLDER = { pid: 1, startTime: 1, bootId: 'boot', purpose: 'start' };

function disk(key: string, lastUsedAt: number, use: Partial<ImageDiskUsage> = {}): ImageDiskUsage {
  return { key, path: `/${key}`, sizeBytes: 1000, diskBytes: 10, lastUsedAt, boxes: [], bases: [], leases: [], ...use };
}

/** The least recently used first. */
const disks = [
  disk('a', 100),
  disk('box', 200, { boxes: ['one'] }),
  disk('base', 300, { bases: ['base0001.qcow2'] }),
  disk('leased', 400, { leases: [HOLDER] }),
  disk('b', 500),
  disk('c', 600, { diskBytes: 30 }),
];
const chosen = (limits: ImageDiskLimits) => chooseImageDisks(disks, limits, NOW).map(({ key }) => key);

describe('the image disks that go', () => {
  it.each<[string, ImageDiskLimits, string]>([
    ['without a limit none', {}, ''],
    ['with all, those that no box, base or start refers to', { all: true }, 'a b c'],
    ['by age, those not used for longer', { maxAgeMs: NOW - 500 }, 'a'],
    ['by bytes, the least recently used until the rest is within them', { maxBytes: 60 }, 'a b'],
    ['by bytes, none when all are within them', { maxBytes: 80 }, ''],
    ['by bytes, what is in use counts but stays', { maxBytes: 0 }, 'a b c'],
    ['by age and bytes together, what either wants', { maxAgeMs: NOW - 500, maxBytes: 70 }, 'a'],
    ['are narrowed by the caller', { all: true, mayGo: ({ key }) => key !== 'b' }, 'a c'],
    ['are narrowed by the caller before bytes are counted', { maxBytes: 60, mayGo: ({ key }) => key !== 'a' }, 'b c'],
  ])('%s', (_what, limits, keys) => {
    expect(chosen(limits).join(' ')).toBe(keys);
  });
});
