import type { ByteString } from '../tree/image-node.js';
import { crc32c } from './crc32c.js';
import { BLOCK_SIZE, DirentType } from './format.js';

const HEADER_BYTES = 8;
/** A pretended entry at the end of each block holds its checksum (ext4_dir_entry_tail). */
const TAIL_BYTES = 12;
const TAIL_TYPE = 0xde;
/** Bytes of a block for entries. */
export const DIRECTORY_BLOCK_ROOM = BLOCK_SIZE - TAIL_BYTES;

/** One name in a directory. */
export interface DirectoryEntry {
  readonly name: ByteString;
  readonly inode: number;
  readonly type: keyof typeof DirentType;
}

/** Bytes an entry takes: header and name, rounded up to four. */
export function entryBytes(entry: DirectoryEntry): number {
  return (HEADER_BYTES + entry.name.length + 3) & ~3;
}

/** Writes an entry; `length` may exceed what it needs, the rest of the space then belongs to it. */
export function writeEntry(block: Buffer, at: number, entry: DirectoryEntry, length: number): void {
  block.writeUInt32LE(entry.inode, at);
  block.writeUInt16LE(length, at + 4);
  block.writeUInt8(entry.name.length, at + 6);
  block.writeUInt8(DirentType[entry.type], at + 7);
  block.write(entry.name, at + HEADER_BYTES, 'latin1');
}

/**
 * A directory block of entries with its checksum.
 * @param entries together at most {@link DIRECTORY_BLOCK_ROOM} bytes
 * @param inodeSeed checksum seed of the directory's inode
 */
export function buildLeafBlock(entries: readonly DirectoryEntry[], inodeSeed: number): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  let at = 0;
  entries.forEach((entry, index) => {
    const length = index === entries.length - 1 ? DIRECTORY_BLOCK_ROOM - at : entryBytes(entry);
    writeEntry(block, at, entry, length);
    at += length;
  });
  block.writeUInt16LE(TAIL_BYTES, DIRECTORY_BLOCK_ROOM + 4);
  block.writeUInt8(TAIL_TYPE, DIRECTORY_BLOCK_ROOM + 7);
  block.writeUInt32LE(crc32c(inodeSeed, block, 0, DIRECTORY_BLOCK_ROOM), DIRECTORY_BLOCK_ROOM + 8);
  return block;
}
