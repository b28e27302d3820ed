import { BoxliteError } from '@boxlite/core';
import { BLOCK_SIZE, BLOCKS_PER_GROUP, DESCRIPTORS_PER_BLOCK } from './format.js';

/** Smallest image: superblock, descriptors, bitmaps, inode table, root, lost+found and a little room. */
export const MIN_IMAGE_BYTES = 1024 * 1024;
/** ext4's largest file size with 4 KiB blocks bounds what any tool here can hold in one image file. */
export const MAX_IMAGE_BYTES = 16 * 1024 ** 4 - BLOCK_SIZE;
/** Descriptor blocks are reserved so that a disk can grow online to this size without moving anything. */
const GROWTH_LIMIT_BYTES = 1024 ** 4;
/** A last group smaller than this is left out: it could hold little but its own descriptors. */
const MIN_LAST_GROUP_BLOCKS = 64;

/** Consecutive blocks. */
export interface BlockRun {
  readonly start: number;
  readonly length: number;
}

/** Everything about the layout of an image that follows from its size alone. */
export interface Geometry {
  /** Blocks of the file system; the file may be a few blocks longer. */
  readonly blockCount: number;
  readonly groupCount: number;
  /** Blocks of group descriptors in each copy. */
  readonly descriptorBlocks: number;
  /** Blocks kept for descriptors of groups added later, in each copy. */
  readonly reservedDescriptorBlocks: number;
}

/**
 * @param sizeBytes size of the image, a multiple of 4096
 * @throws BoxliteError `invalid_argument` for a size ext4 cannot have here
 */
export function geometryOf(sizeBytes: number): Geometry {
  if (
    !Number.isSafeInteger(sizeBytes) ||
    sizeBytes % BLOCK_SIZE !== 0 ||
    sizeBytes < MIN_IMAGE_BYTES ||
    sizeBytes > MAX_IMAGE_BYTES
  ) {
    throw new BoxliteError('invalid_argument', `${sizeBytes} bytes is not a size an image disk can have`, {
      hint: `use a multiple of ${BLOCK_SIZE} from ${MIN_IMAGE_BYTES} to ${MAX_IMAGE_BYTES} bytes`,
      details: { field: 'sizeBytes' },
    });
  }
  let blockCount = sizeBytes / BLOCK_SIZE;
  for (;;) {
    const groupCount = Math.ceil(blockCount / BLOCKS_PER_GROUP);
    const descriptorBlocks = Math.ceil(groupCount / DESCRIPTORS_PER_BLOCK);
    const limit = Math.ceil(GROWTH_LIMIT_BYTES / BLOCK_SIZE / BLOCKS_PER_GROUP / DESCRIPTORS_PER_BLOCK);
    const reservedDescriptorBlocks = groupCount > 1 ? Math.max(0, limit - descriptorBlocks) : 0;
    const geometry = { blockCount, groupCount, descriptorBlocks, reservedDescriptorBlocks };
    const last = blockCount - (groupCount - 1) * BLOCKS_PER_GROUP;
    if (groupCount === 1 || last >= baseMetadataBlocks(geometry, groupCount - 1) + MIN_LAST_GROUP_BLOCKS)
      return geometry;
    blockCount -= last;
  }
}

/** True for groups with a copy of superblock and descriptors: 0, 1 and the powers of 3, 5 and 7 (sparse_super). */
export function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** Blocks at the start of a group taken by superblock, descriptors and reserved descriptors. */
export function baseMetadataBlocks(geometry: Geometry, group: number): number {
  return hasSuperblock(group) ? 1 + geometry.descriptorBlocks + geometry.reservedDescriptorBlocks : 0;
}

/** Blocks of one group; only the last may be shorter. */
export function blocksInGroup(geometry: Geometry, group: number): number {
  return Math.min(BLOCKS_PER_GROUP, geometry.blockCount - group * BLOCKS_PER_GROUP);
}

/** Every block the format does not fix, in ascending order; neighbouring groups are one run. */
export function freeRunsOf(geometry: Geometry): BlockRun[] {
  const runs: BlockRun[] = [];
  let start = 0;
  for (let group = 0; group < geometry.groupCount; group++) {
    const taken = baseMetadataBlocks(geometry, group);
    if (taken === 0) continue;
    const groupStart = group * BLOCKS_PER_GROUP;
    if (groupStart > start) runs.push({ start, length: groupStart - start });
    start = groupStart + taken;
  }
  runs.push({ start, length: geometry.blockCount - start });
  return runs;
}
