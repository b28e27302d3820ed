import { BLOCK_SIZE, BLOCKS_PER_GROUP } from './format.js';
import { type Geometry, hasSuperblock } from './geometry.js';

/** Block numbers in a block of an inode without extents. */
const POINTERS_PER_BLOCK = BLOCK_SIZE / 4;
/** Place of the double-indirect pointer in i_block. */
const DOUBLE_INDIRECT = 13;
/** What the kernel and e2fsprogs expect as its size: everything reachable through the double-indirect block. */
const RESIZE_INODE_BYTES = (POINTERS_PER_BLOCK ** 2 + POINTERS_PER_BLOCK + 12) * BLOCK_SIZE;

/** The inode that owns the reserved descriptor blocks, which lets a mounted disk grow. */
export interface ResizeInode {
  readonly size: number;
  /** Blocks it owns, its double-indirect block included. */
  readonly blockCount: number;
  readonly blockArea: Uint8Array;
  /** Blocks to write. */
  readonly blocks: readonly { readonly block: number; readonly bytes: Buffer }[];
}

/**
 * Each reserved descriptor block of the first group serves as an indirect block that lists its copies in the other groups.
 * @param doubleIndirect a free block
 */
export function buildResizeInode(geometry: Geometry, doubleIndirect: number): ResizeInode {
  const { descriptorBlocks, reservedDescriptorBlocks, groupCount } = geometry;
  const copies: number[] = [];
  for (let group = 1; group < groupCount; group++) if (hasSuperblock(group)) copies.push(group * BLOCKS_PER_GROUP);
  const top = Buffer.alloc(BLOCK_SIZE);
  const blocks = [{ block: doubleIndirect, bytes: top }];
  for (let reserved = 0; reserved < reservedDescriptorBlocks; reserved++) {
    const inGroup = 1 + descriptorBlocks + reserved;
    top.writeUInt32LE(inGroup, ((descriptorBlocks + reserved) % POINTERS_PER_BLOCK) * 4);
    const bytes = Buffer.alloc(BLOCK_SIZE);
    copies.forEach((start, index) => {
      bytes.writeUInt32LE(start + inGroup, index * 4);
    });
    blocks.push({ block: inGroup, bytes });
  }
  const blockArea = new Uint8Array(60);
  new DataView(blockArea.buffer).setUint32(DOUBLE_INDIRECT * 4, doubleIndirect, true);
  return {
    size: RESIZE_INODE_BYTES,
    blockCount: 1 + reservedDescriptorBlocks * (1 + copies.length),
    blockArea,
    blocks,
  };
}
