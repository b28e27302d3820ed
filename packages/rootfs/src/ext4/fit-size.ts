import { BLOCK_SIZE, BLOCKS_PER_GROUP, FIRST_INODE, INODE_SIZE } from './format.js';
import type { NumberedTree } from './number-inodes.js';

const MIB = 1024 ** 2;
/** Disks are made of whole block groups, so that growing one later begins at the border of a group. */
const GROUP_BYTES = BLOCKS_PER_GROUP * BLOCK_SIZE;
/** Two groups are also what it takes to reserve descriptors for growth. */
const MIN_FIT_BYTES = 2 * GROUP_BYTES;
/** Descriptors are reserved up to this size: in all disks of two groups or more they lie at the same places. */
const MAX_FIT_BYTES = 1024 ** 4;
/** Directories with an index are filled to this share (`LEAF_FILL`). */
const DIRECTORY_FILL = 0.8;
/** Smallest size of a directory entry beside its name, and what its end is rounded to. */
const ENTRY_BYTES = 8;
const ENTRY_ROUNDING = 4;
/** Targets up to this length take no block. */
const MAX_INLINE_TARGET = 59;

/** What an image needs of its disk. */
export interface FitNeeds {
  /** Blocks of all files. */
  readonly dataBlocks: number;
  /** Blocks of directories, long link targets and attributes, and one for each file that has none: it may grow. */
  readonly treeBlocks: number;
  /** Highest inode number. */
  readonly lastInode: number;
  /** Bytes from the start of the disk to the end of the last block in use; files that upper layers removed leave gaps. */
  readonly reachBytes: number;
  /** The disk shall not be smaller. */
  readonly minBytes: number;
}

/**
 * The size of a disk for an image: a tenth and 64 MiB more than the content (as the established tools have it), at least 256 MiB, in whole
 * block groups.
 */
export function fitSize({ dataBlocks, treeBlocks, lastInode, reachBytes, minBytes }: FitNeeds): number {
  const content = (dataBlocks + treeBlocks) * BLOCK_SIZE + lastInode * INODE_SIZE;
  const metadata = reachBytes / 32 + lastInode * INODE_SIZE * 1.25 + 56 * MIB;
  const wanted = Math.max(MIN_FIT_BYTES, minBytes, content * 1.1 + 64 * MIB, reachBytes + metadata);
  return Math.ceil(wanted / GROUP_BYTES) * GROUP_BYTES;
}

/** The size within which blocks are handed out before the real one is known. */
export function fitBound(maxBytes: number, minBytes: number): number {
  const wanted = Math.min(MAX_FIT_BYTES, Math.max(MIN_FIT_BYTES, 2 * maxBytes, 2 * minBytes));
  return Math.ceil(wanted / GROUP_BYTES) * GROUP_BYTES;
}

/** Counts {@link FitNeeds.treeBlocks}. */
export function countTreeBlocks({ tree, nodes: order, lastInode }: NumberedTree): number {
  const { nodes, names } = tree;
  let blocks = directoryBlocks(tree.root);
  for (let index = 0; index <= lastInode - FIRST_INODE; index++) {
    const node = order[index] as number;
    const kind = nodes.kind(node);
    if (kind === 'directory') blocks += directoryBlocks(node);
    else if (kind !== 'file') blocks += kind === 'symlink' && nodes.target(node).length > MAX_INLINE_TARGET ? 2 : 1;
    else if (nodes.size(node) === 0) blocks++;
    if (nodes.metadata(node).xattrs !== undefined) blocks++;
  }
  return blocks;

  function directoryBlocks(directory: number): number {
    let bytes = 2 * (ENTRY_BYTES + ENTRY_ROUNDING);
    for (let name = names.first(directory); name !== 0; name = names.next(name)) {
      bytes += ENTRY_BYTES + Math.ceil(names.length(name) / ENTRY_ROUNDING) * ENTRY_ROUNDING;
    }
    // An index has its root block beside the leaves, and one more block for 500 of them.
    const leaves = Math.ceil(bytes / (BLOCK_SIZE * DIRECTORY_FILL));
    return leaves === 1 ? 1 : leaves + 1 + Math.ceil(leaves / 500);
  }
}
