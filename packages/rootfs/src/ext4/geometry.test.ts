import { describe, expect, it } from 'vitest';
import { BLOCKS_PER_GROUP } from './format.js';
import { freeRunsOf, geometryOf, hasSuperblock } from './geometry.js';

const MIB = 1024 ** 2;

describe('geometry', () => {
  it('keeps copies of the superblock in groups 0, 1 and the powers of 3, 5 and 7', () => {
    const groups = Array.from({ length: 130 }, (_, group) => group).filter(hasSuperblock);
    expect(groups).toEqual([0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
  });

  it('leaves out a last group too small for its own descriptors', () => {
    expect(geometryOf(128 * MIB + 8 * 4096)).toMatchObject({ groupCount: 1, blockCount: BLOCKS_PER_GROUP });
    expect(geometryOf(129 * MIB)).toMatchObject({ groupCount: 2, blockCount: BLOCKS_PER_GROUP + 256 });
  });

  it('reserves descriptor blocks for growth to 1 TiB where there is more than one group', () => {
    expect(geometryOf(16 * MIB).reservedDescriptorBlocks).toBe(0);
    const { descriptorBlocks, reservedDescriptorBlocks } = geometryOf(10 * 1024 * MIB);
    expect(descriptorBlocks + reservedDescriptorBlocks).toBe(128);
  });

  it('hands out every block but those of superblocks and descriptors', () => {
    const geometry = geometryOf(10 * 1024 * MIB);
    const runs = freeRunsOf(geometry);
    expect(runs[0]).toMatchObject({ start: 129 });
    const free = runs.reduce((sum, { length }) => sum + length, 0);
    const copies = Array.from({ length: geometry.groupCount }, (_, group) => group).filter(hasSuperblock).length;
    expect(free).toBe(geometry.blockCount - copies * 129);
  });
});
