import { BoxliteError } from '@boxlite/core';
import { crc32c } from './crc32c.js';
import type { DirectoryContext } from './directory-blocks.js';
import {
  buildLeafBlock,
  DIRECTORY_BLOCK_ROOM,
  type DirectoryEntry,
  entryBytes,
  writeEntry,
} from './directory-entry.js';
import { directoryHash, type NameHash } from './directory-hash.js';
import { BLOCK_SIZE } from './format.js';

/** Leaves are not filled completely: the first names a guest adds shall not split every block. */
const LEAF_FILL = Math.floor(DIRECTORY_BLOCK_ROOM * 0.85);
const HALF_MD4 = 1;
/** Where the index entries begin: behind the dot entries and dx_root_info, or behind one empty entry. */
const ROOT_ENTRIES_AT = 32;
const NODE_ENTRIES_AT = 8;
/** One entry less than fits: its place holds the checksum. */
const ROOT_LIMIT = (BLOCK_SIZE - ROOT_ENTRIES_AT) / 8 - 1;
const NODE_LIMIT = (BLOCK_SIZE - NODE_ENTRIES_AT) / 8 - 1;

interface HashedEntry extends NameHash {
  readonly entry: DirectoryEntry;
}

interface Leaf {
  /** Lowest hash in it, with the lowest bit set when the block before ends with the same hash. */
  readonly hash: number;
  readonly entries: DirectoryEntry[];
}

/** An index entry: names from this hash on are in or below that block of the directory. */
interface IndexEntry {
  readonly hash: number;
  readonly block: number;
}

/**
 * A directory with a hash index of one or two levels: root, then index nodes if there are any, then the leaves in hash order.
 * @param dots the entries of the directory itself and of its parent, which live in the root
 * @throws BoxliteError `resource_exhausted` beyond what two levels reach
 */
export function buildIndexedDirectory(
  entries: readonly DirectoryEntry[],
  dots: readonly DirectoryEntry[],
  context: DirectoryContext,
): Buffer[] {
  const leaves = splitIntoLeaves(entries, context);
  const twoLevels = leaves.length > ROOT_LIMIT;
  const nodeCount = twoLevels ? Math.ceil(leaves.length / NODE_LIMIT) : 0;
  if (nodeCount > ROOT_LIMIT) {
    throw new BoxliteError('resource_exhausted', `a directory of ${entries.length} names is too large for ext4`, {
      hint: 'spread the files of the image over several directories',
      details: { field: 'entries' },
    });
  }
  const leafEntries = leaves.map(({ hash }, index) => ({ hash, block: 1 + nodeCount + index }));
  const nodes: Buffer[] = [];
  const rootEntries: IndexEntry[] = twoLevels ? [] : leafEntries;
  for (let index = 0; index < nodeCount; index++) {
    const below = leafEntries.slice(index * NODE_LIMIT, (index + 1) * NODE_LIMIT);
    nodes.push(buildNode(below, context.inodeSeed));
    rootEntries.push({ hash: (below[0] as IndexEntry).hash, block: 1 + index });
  }
  return [
    buildRoot(rootEntries, twoLevels ? 1 : 0, dots, context.inodeSeed),
    ...nodes,
    ...leaves.map((leaf) => buildLeafBlock(leaf.entries, context.inodeSeed)),
  ];
}

function splitIntoLeaves(entries: readonly DirectoryEntry[], context: DirectoryContext): Leaf[] {
  const hashed: HashedEntry[] = entries.map((entry) => ({ entry, ...directoryHash(entry.name, context.hashSeed) }));
  hashed.sort((a, b) => a.major - b.major || a.minor - b.minor);
  const leaves: Leaf[] = [];
  let fill = 0;
  let previous = -1;
  for (const { entry, major } of hashed) {
    const bytes = entryBytes(entry);
    let leaf = leaves[leaves.length - 1];
    if (leaf === undefined || fill + bytes > LEAF_FILL) {
      leaf = { hash: major === previous ? major + 1 : major, entries: [] };
      leaves.push(leaf);
      fill = 0;
    }
    leaf.entries.push(entry);
    fill += bytes;
    previous = major;
  }
  return leaves;
}

function buildRoot(
  entries: readonly IndexEntry[],
  levels: number,
  dots: readonly DirectoryEntry[],
  inodeSeed: number,
): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  const [dot, dotDot] = dots as readonly [DirectoryEntry, DirectoryEntry];
  writeEntry(block, 0, dot, 12);
  // To a reader without index support the parent's entry covers everything behind it.
  writeEntry(block, 12, dotDot, BLOCK_SIZE - 12);
  block.writeUInt8(HALF_MD4, 28);
  block.writeUInt8(8, 29); // info_length
  block.writeUInt8(levels, 30);
  writeIndex(block, ROOT_ENTRIES_AT, ROOT_LIMIT, entries, inodeSeed);
  return block;
}

function buildNode(entries: readonly IndexEntry[], inodeSeed: number): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.writeUInt16LE(BLOCK_SIZE, 4);
  writeIndex(block, NODE_ENTRIES_AT, NODE_LIMIT, entries, inodeSeed);
  return block;
}

function writeIndex(block: Buffer, at: number, limit: number, entries: readonly IndexEntry[], inodeSeed: number): void {
  entries.forEach((entry, index) => {
    block.writeUInt32LE(entry.hash, at + index * 8);
    block.writeUInt32LE(entry.block, at + index * 8 + 4);
  });
  // The first entry covers everything below the second: the place of its hash holds limit and count.
  block.writeUInt16LE(limit, at);
  block.writeUInt16LE(entries.length, at + 2);
  const covered = crc32c(inodeSeed, block, 0, at + entries.length * 8);
  const tail = at + limit * 8;
  block.writeUInt32LE(crc32c(covered, block, tail, tail + 8), tail + 4);
}
