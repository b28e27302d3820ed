import { BoxliteError } from '@boxlite/core';
import type { NameId } from '../tree/name-table.js';
import { crc32c } from './crc32c.js';
import type { DirectoryBlocks } from './directory-blocks.js';
import {
  DIRECTORY_BLOCK_ROOM,
  type DirectoryContext,
  entryBytes,
  sealLeafBlock,
  writeDots,
  writeEntry,
} from './directory-entry.js';
import { directoryHash } from './directory-hash.js';
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
/** Names are sorted as one number each, 31 bits of hash and 22 of position: what a double holds exactly. */
const MAX_NAMES = 2 ** 22;

/** The names of a directory in the order of their hashes. */
interface SortedNames {
  readonly names: Uint32Array;
  readonly hashes: Uint32Array;
}

/** Consecutive names that share a block. */
interface Leaf {
  /** Lowest hash in it, with the lowest bit set when the block before ends with the same hash. */
  readonly hash: number;
  readonly from: number;
  to: number;
}

/** An index entry: names from this hash on are in or below that block of the directory. */
interface IndexEntry {
  readonly hash: number;
  readonly block: number;
}

/**
 * A directory with a hash index of one or two levels: root, then index nodes if there are any, then the leaves in hash order.
 * @param count names in the directory
 * @throws BoxliteError `resource_exhausted` beyond what two levels reach, or 4 million names
 */
export function buildIndexedDirectory(context: DirectoryContext, count: number): DirectoryBlocks {
  if (count > MAX_NAMES) throw tooManyNames(count);
  const sorted = sortByHash(context, count);
  const leaves = splitIntoLeaves(sorted, context);
  const twoLevels = leaves.length > ROOT_LIMIT;
  const nodeCount = twoLevels ? Math.ceil(leaves.length / NODE_LIMIT) : 0;
  if (nodeCount > ROOT_LIMIT) throw tooManyNames(count);
  const leafEntries = leaves.map(({ hash }, index) => ({ hash, block: 1 + nodeCount + index }));
  const below = (node: number) => leafEntries.slice(node * NODE_LIMIT, (node + 1) * NODE_LIMIT);
  const rootEntries: IndexEntry[] = twoLevels
    ? Array.from({ length: nodeCount }, (_, node) => ({ hash: (below(node)[0] as IndexEntry).hash, block: 1 + node }))
    : leafEntries;
  return {
    count: 1 + nodeCount + leaves.length,
    indexed: true,
    fill(number, block) {
      if (number === 0) writeRoot(block, rootEntries, twoLevels ? 1 : 0, context);
      else if (number <= nodeCount) writeNode(block, below(number - 1), context.inodeSeed);
      else writeLeaf(block, leaves[number - 1 - nodeCount] as Leaf, sorted, context);
    },
  };
}

function sortByHash({ names, directory, hashSeed }: DirectoryContext, count: number): SortedNames {
  const unsorted = new Uint32Array(count);
  const keys = new Float64Array(count);
  let index = 0;
  for (let name = names.first(directory); name !== 0; name = names.next(name)) {
    unsorted[index] = name;
    // The lowest bit of a hash is always clear.
    keys[index] = (directoryHash(names.text(name), hashSeed).major / 2) * MAX_NAMES + index;
    index++;
  }
  keys.sort();
  const sorted = new Uint32Array(count);
  const hashes = new Uint32Array(count);
  keys.forEach((key, place) => {
    const half = Math.floor(key / MAX_NAMES);
    sorted[place] = unsorted[key - half * MAX_NAMES] as number;
    hashes[place] = half * 2;
  });
  return { names: sorted, hashes };
}

function splitIntoLeaves({ names: sorted, hashes }: SortedNames, { names }: DirectoryContext): Leaf[] {
  const leaves: Leaf[] = [];
  let fill = 0;
  let leaf: Leaf | undefined;
  for (let index = 0; index < sorted.length; index++) {
    const bytes = entryBytes(names.length(sorted[index] as NameId));
    if (leaf === undefined || fill + bytes > LEAF_FILL) {
      const hash = hashes[index] as number;
      const continues = index > 0 && hashes[index - 1] === hash;
      leaf = { hash: continues ? hash + 1 : hash, from: index, to: index };
      leaves.push(leaf);
      fill = 0;
    }
    leaf.to = index + 1;
    fill += bytes;
  }
  return leaves;
}

function writeLeaf(block: Buffer, { from, to }: Leaf, sorted: SortedNames, context: DirectoryContext): void {
  let at = 0;
  for (let index = from; index < to; index++) {
    const name = sorted.names[index] as NameId;
    const length = index === to - 1 ? DIRECTORY_BLOCK_ROOM - at : entryBytes(context.names.length(name));
    writeEntry(block, at, context, name, length);
    at += length;
  }
  sealLeafBlock(block, context.inodeSeed);
}

function writeRoot(block: Buffer, entries: readonly IndexEntry[], levels: number, context: DirectoryContext): void {
  // To a reader without index support the parent's entry covers everything behind it.
  writeDots(block, context, BLOCK_SIZE - 12);
  block.writeUInt8(HALF_MD4, 28);
  block.writeUInt8(8, 29); // info_length
  block.writeUInt8(levels, 30);
  writeIndex(block, ROOT_ENTRIES_AT, ROOT_LIMIT, entries, context.inodeSeed);
}

function writeNode(block: Buffer, entries: readonly IndexEntry[], inodeSeed: number): void {
  block.writeUInt16LE(BLOCK_SIZE, 4);
  writeIndex(block, NODE_ENTRIES_AT, NODE_LIMIT, entries, inodeSeed);
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

function tooManyNames(count: number): BoxliteError {
  return new BoxliteError('resource_exhausted', `a directory of ${count} names is too large for ext4`, {
    hint: 'spread the files of the image over several directories',
    details: { field: 'entries' },
  });
}
