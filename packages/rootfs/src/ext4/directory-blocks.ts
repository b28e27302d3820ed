import type { NameId } from '../tree/name-table.js';
import {
  DIRECTORY_BLOCK_ROOM,
  type DirectoryContext,
  DOTS_BYTES,
  entryBytes,
  sealLeafBlock,
  writeDots,
  writeEntry,
} from './directory-entry.js';
import { buildIndexedDirectory } from './directory-index.js';

/** The content of a directory, made block by block. */
export interface DirectoryBlocks {
  /** How many. */
  readonly count: number;
  /** True when lookups go through a hash index (i_flags INDEX). */
  readonly indexed: boolean;
  /** Writes one of them. @param block of zeros */
  fill(number: number, block: Buffer): void;
}

/**
 * Lays out a directory: one block while everything fits, a hash index otherwise (a linear one of 100 000 names would be read
 * from the start for each lookup).
 * @throws BoxliteError `resource_exhausted` for more names than an index can hold
 */
export function buildDirectory(context: DirectoryContext): DirectoryBlocks {
  const { names, directory } = context;
  let count = 0;
  let needed = DOTS_BYTES;
  for (let name = names.first(directory); name !== 0; name = names.next(name)) {
    count++;
    needed += entryBytes(names.length(name));
  }
  if (needed > DIRECTORY_BLOCK_ROOM) return buildIndexedDirectory(context, count);
  return { count: 1, indexed: false, fill: (_, block) => fillOneBlock(context, block) };
}

function fillOneBlock(context: DirectoryContext, block: Buffer): void {
  const { names, directory } = context;
  const first: NameId = names.first(directory);
  writeDots(block, context, first === 0 ? DIRECTORY_BLOCK_ROOM - 12 : 12);
  let at = DOTS_BYTES;
  for (let name = first; name !== 0; ) {
    const next = names.next(name);
    const length = next === 0 ? DIRECTORY_BLOCK_ROOM - at : entryBytes(names.length(name));
    writeEntry(block, at, context, name, length);
    at += length;
    name = next;
  }
  sealLeafBlock(block, context.inodeSeed);
}
