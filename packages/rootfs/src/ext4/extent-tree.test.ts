import { describe, expect, it } from 'vitest';
import { ExtentList } from './extent-list.js';
import { buildExtentTree, extentTreeBlocks } from './extent-tree.js';

describe('extent lists', () => {
  it('join what continues and split at 32768 blocks', () => {
    const extents = new ExtentList();
    extents.append(0, 100, 10);
    extents.append(10, 110, 5);
    extents.append(20, 115, 1);
    extents.append(21, 116, 40_000);
    expect(extents.list).toEqual([
      { logical: 0, physical: 100, length: 15 },
      { logical: 20, physical: 115, length: 32_768 },
      { logical: 32_788, physical: 32_883, length: 7233 },
    ]);
  });
});

describe('extent trees', () => {
  const extents = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ logical: index * 2, physical: 1000 + index * 3, length: 1 }));

  it('of up to four extents need no blocks', () => {
    expect([0, 1, 4].map(extentTreeBlocks)).toEqual([0, 0, 0]);
    const { root, blocks } = buildExtentTree(extents(4), [], 0);
    expect(blocks).toEqual([]);
    expect(Buffer.from(root).readUInt16LE(2)).toBe(4);
  });

  it.each([
    [5, 1, 1],
    [340, 1, 1],
    [341, 2, 1],
    [1361, 6, 2],
    [400_000, 1177 + 4, 2],
  ])('of %i extents need %i blocks in %i levels', (count, expected, depth) => {
    expect(extentTreeBlocks(count)).toBe(expected);
    const { root, blocks } = buildExtentTree(
      extents(count),
      Array.from({ length: expected }, (_, index) => index + 1),
      0,
    );
    expect(blocks).toHaveLength(expected);
    expect(Buffer.from(root).readUInt16LE(6)).toBe(depth);
  });
});
