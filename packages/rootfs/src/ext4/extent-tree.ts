import type { Extent } from '../tree/image-node.js';
import { crc32c } from './crc32c.js';
import { BLOCK_SIZE } from './format.js';

const MAGIC = 0xf30a;
const HEADER_BYTES = 12;
const ENTRY_BYTES = 12;
/** Size of i_block, and entries in it. */
const ROOT_BYTES = 60;
const ROOT_ENTRIES = 4;
/** Entries in a block, which leaves room for the checksum behind them. */
export const ENTRIES_PER_EXTENT_BLOCK = Math.floor((BLOCK_SIZE - HEADER_BYTES) / ENTRY_BYTES);

/** A tree block and where it goes. */
export interface ExtentBlock {
  readonly block: number;
  readonly bytes: Uint8Array;
}

interface Child {
  readonly logical: number;
  readonly write: (view: DataView, at: number) => void;
}

/** Blocks the tree of so many extents needs besides i_block. */
export function extentTreeBlocks(extentCount: number): number {
  let total = 0;
  let entries = extentCount;
  while (entries > ROOT_ENTRIES) {
    entries = Math.ceil(entries / ENTRIES_PER_EXTENT_BLOCK);
    total += entries;
  }
  return total;
}

/**
 * Lays extents out as the tree ext4 reads.
 * @param blocks one block number for each of {@link extentTreeBlocks}
 * @param inodeSeed checksum seed of the inode (`inodeChecksumSeed`)
 * @returns the 60 bytes of i_block and the blocks below it
 */
export function buildExtentTree(
  extents: readonly Extent[],
  blocks: readonly number[],
  inodeSeed: number,
): { root: Uint8Array; blocks: ExtentBlock[] } {
  if (extents.length <= ROOT_ENTRIES) return { root: buildLeafRoot(extents), blocks: [] };
  const written: ExtentBlock[] = [];
  let next = 0;
  let depth = 0;
  let level: Child[] = extents.map((extent) => ({
    logical: extent.logical,
    write: (view, at) => writeLeafEntry(view, at, extent),
  }));
  while (level.length > ROOT_ENTRIES) {
    const parents: Child[] = [];
    for (let from = 0; from < level.length; from += ENTRIES_PER_EXTENT_BLOCK) {
      const entries = level.slice(from, from + ENTRIES_PER_EXTENT_BLOCK);
      const bytes = new Uint8Array(BLOCK_SIZE);
      writeNode(bytes, entries, depth, ENTRIES_PER_EXTENT_BLOCK);
      const tail = HEADER_BYTES + ENTRY_BYTES * ENTRIES_PER_EXTENT_BLOCK;
      new DataView(bytes.buffer).setUint32(tail, crc32c(inodeSeed, bytes, 0, tail), true);
      const block = blocks[next++];
      if (block === undefined) throw new RangeError('too few blocks for the extent tree');
      written.push({ block, bytes });
      const logical = (entries[0] as Child).logical;
      parents.push({ logical, write: (view, at) => writeIndexEntry(view, at, logical, block) });
    }
    level = parents;
    depth++;
  }
  const root = new Uint8Array(ROOT_BYTES);
  writeNode(root, level, depth, ROOT_ENTRIES);
  return { root, blocks: written };
}

/** Of nearly every file: all extents in i_block. */
function buildLeafRoot(extents: readonly Extent[]): Uint8Array {
  const root = new Uint8Array(ROOT_BYTES);
  const view = new DataView(root.buffer);
  writeHeader(view, extents.length, ROOT_ENTRIES, 0);
  extents.forEach((extent, index) => {
    writeLeafEntry(view, HEADER_BYTES + index * ENTRY_BYTES, extent);
  });
  return root;
}

function writeNode(bytes: Uint8Array, entries: readonly Child[], depth: number, capacity: number): void {
  const view = new DataView(bytes.buffer);
  writeHeader(view, entries.length, capacity, depth);
  entries.forEach((entry, index) => {
    entry.write(view, HEADER_BYTES + index * ENTRY_BYTES);
  });
}

function writeHeader(view: DataView, count: number, capacity: number, depth: number): void {
  view.setUint16(0, MAGIC, true);
  view.setUint16(2, count, true);
  view.setUint16(4, capacity, true);
  view.setUint16(6, depth, true);
}

function writeLeafEntry(view: DataView, at: number, extent: Extent): void {
  view.setUint32(at, extent.logical, true);
  view.setUint16(at + 4, extent.length, true);
  view.setUint16(at + 6, Math.floor(extent.physical / 2 ** 32), true);
  view.setUint32(at + 8, extent.physical % 2 ** 32, true);
}

function writeIndexEntry(view: DataView, at: number, logical: number, block: number): void {
  view.setUint32(at, logical, true);
  view.setUint32(at + 4, block % 2 ** 32, true);
  view.setUint16(at + 8, Math.floor(block / 2 ** 32), true);
}
