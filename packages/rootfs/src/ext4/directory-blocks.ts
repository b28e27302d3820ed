import { buildLeafBlock, DIRECTORY_BLOCK_ROOM, type DirectoryEntry, entryBytes } from './directory-entry.js';
import { buildIndexedDirectory } from './directory-index.js';

/** The content of a directory, ready to be written. */
export interface DirectoryBlocks {
  readonly blocks: readonly Buffer[];
  /** True when lookups go through a hash index (i_flags INDEX). */
  readonly indexed: boolean;
}

/** What the blocks of a directory depend on besides its entries. */
export interface DirectoryContext {
  readonly inode: number;
  readonly parent: number;
  /** Checksum seed of the directory's inode. */
  readonly inodeSeed: number;
  readonly hashSeed: readonly [number, number, number, number];
}

/**
 * Lays out a directory: one block while everything fits, a hash index otherwise (a linear one of 100 000 names would be read
 * from the start for each lookup).
 * @throws BoxliteError `resource_exhausted` for more names than an index can hold
 */
export function buildDirectory(entries: readonly DirectoryEntry[], context: DirectoryContext): DirectoryBlocks {
  const dots: DirectoryEntry[] = [
    { name: '.', inode: context.inode, type: 'directory' },
    { name: '..', inode: context.parent, type: 'directory' },
  ];
  let needed = dots.reduce((sum, entry) => sum + entryBytes(entry), 0);
  for (const entry of entries) needed += entryBytes(entry);
  if (needed <= DIRECTORY_BLOCK_ROOM) {
    return { blocks: [buildLeafBlock([...dots, ...entries], context.inodeSeed)], indexed: false };
  }
  return { blocks: buildIndexedDirectory(entries, dots, context), indexed: true };
}
