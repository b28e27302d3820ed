import type { BlockAllocator } from './block-allocator.js';
import type { BlockSink } from './content-writer.js';
import { crc32c } from './crc32c.js';
import { BLOCK_SIZE, BLOCKS_PER_GROUP, DESCRIPTOR_SIZE, GroupFlag } from './format.js';
import { baseMetadataBlocks, blocksInGroup, type Geometry } from './geometry.js';
import { type GroupDescriptor, writeGroupDescriptor } from './group-descriptor.js';

/** What the descriptors of an image are made from. */
export interface GroupTableInput {
  readonly geometry: Geometry;
  readonly allocator: BlockAllocator;
  readonly sink: BlockSink;
  readonly checksumSeed: number;
  /** Block of each group's bitmaps and inode table. */
  readonly placements: readonly { blockBitmap: number; inodeBitmap: number; inodeTable: number }[];
  readonly inodesPerGroup: number;
  /** Highest inode in use; all up to it count as used. */
  readonly lastInode: number;
  /** Directories of each group; missing means none. */
  readonly directories: readonly number[];
}

/**
 * Writes the bitmaps of groups in use and returns the descriptor table. Nothing may be allocated after this. Untouched groups get
 * no bitmaps: the kernel makes them when it first needs them, which keeps a large empty disk a small file.
 */
export function buildGroupTable(input: GroupTableInput): Buffer {
  const { geometry, checksumSeed } = input;
  const table = Buffer.alloc(geometry.descriptorBlocks * BLOCK_SIZE);
  for (let group = 0; group < geometry.groupCount; group++) {
    writeGroupDescriptor(table, group * DESCRIPTOR_SIZE, group, buildDescriptor(input, group), checksumSeed);
  }
  return table;
}

function buildDescriptor(input: GroupTableInput, group: number): GroupDescriptor {
  const { geometry, allocator, inodesPerGroup } = input;
  const blocks = blocksInGroup(geometry, group);
  const usedBlocks = allocator.countUsed(group * BLOCKS_PER_GROUP, blocks);
  const usedInodes = Math.min(Math.max(input.lastInode - group * inodesPerGroup, 0), inodesPerGroup);
  // The last group is written in any case: the end of its bitmap is not the kernel's default.
  const blocksUntouched = group < geometry.groupCount - 1 && usedBlocks === baseMetadataBlocks(geometry, group);
  return {
    ...(input.placements[group] as GroupTableInput['placements'][number]),
    freeBlocks: blocks - usedBlocks,
    freeInodes: inodesPerGroup - usedInodes,
    directories: input.directories[group] ?? 0,
    flags:
      GroupFlag.INODE_ZEROED |
      (blocksUntouched && group > 0 ? GroupFlag.BLOCK_UNINIT : 0) |
      (usedInodes === 0 ? GroupFlag.INODE_UNINIT : 0),
    unusedInodes: inodesPerGroup - usedInodes,
    blockBitmapChecksum: blocksUntouched && group > 0 ? 0 : writeBlockBitmap(input, group),
    inodeBitmapChecksum: usedInodes === 0 ? 0 : writeInodeBitmap(input, group, usedInodes),
  };
}

function writeBlockBitmap({ allocator, sink, checksumSeed, placements }: GroupTableInput, group: number): number {
  const bitmap = Buffer.alloc(BLOCK_SIZE, 0xff);
  bitmap.set(allocator.bitmap.subarray(group * BLOCK_SIZE, (group + 1) * BLOCK_SIZE));
  sink.put((placements[group]?.blockBitmap ?? 0) * BLOCK_SIZE, bitmap);
  return crc32c(checksumSeed, bitmap);
}

function writeInodeBitmap(input: GroupTableInput, group: number, used: number): number {
  const bitmap = Buffer.alloc(BLOCK_SIZE, 0xff);
  bitmap.fill(0, Math.ceil(used / 8), input.inodesPerGroup / 8);
  if (used % 8 !== 0) bitmap[used >> 3] = (1 << (used % 8)) - 1;
  input.sink.put((input.placements[group]?.inodeBitmap ?? 0) * BLOCK_SIZE, bitmap);
  return crc32c(input.checksumSeed, bitmap, 0, input.inodesPerGroup / 8);
}
