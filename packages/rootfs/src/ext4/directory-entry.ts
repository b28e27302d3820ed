import type { NodeId } from '../tree/image-node.js';
import type { NameId, NameTable } from '../tree/name-table.js';
import type { NodeTable } from '../tree/node-table.js';
import { crc32c } from './crc32c.js';
import { BLOCK_SIZE, DirentType } from './format.js';

const HEADER_BYTES = 8;
/** A pretended entry at the end of each block holds its checksum (ext4_dir_entry_tail). */
const TAIL_BYTES = 12;
const TAIL_TYPE = 0xde;
/** Bytes of a block for entries. */
export const DIRECTORY_BLOCK_ROOM = BLOCK_SIZE - TAIL_BYTES;
/** Bytes of the entries of the directory itself and of its parent. */
export const DOTS_BYTES = 24;

/** What the blocks of a directory are made from. */
export interface DirectoryContext {
  readonly nodes: NodeTable;
  readonly names: NameTable;
  readonly directory: NodeId;
  /** Checksum seed of the directory's inode. */
  readonly inodeSeed: number;
  readonly hashSeed: readonly [number, number, number, number];
}

/** Bytes an entry takes: header and name, rounded up to four. */
export function entryBytes(nameLength: number): number {
  return (HEADER_BYTES + nameLength + 3) & ~3;
}

/** Writes the entry of a name; `length` may exceed what it needs, the rest of the space then belongs to it. */
export function writeEntry(
  block: Buffer,
  at: number,
  { nodes, names }: DirectoryContext,
  name: NameId,
  length: number,
): void {
  const node = names.node(name);
  writeHeader(block, at, nodes.inode(node), length, names.length(name), DirentType[nodes.kind(node)]);
  names.copyText(name, block, at + HEADER_BYTES);
}

/** Writes `.` and `..`; the second takes the given number of bytes. */
export function writeDots(block: Buffer, { nodes, directory }: DirectoryContext, parentLength: number): void {
  writeHeader(block, 0, nodes.inode(directory), 12, 1, DirentType.directory);
  block[HEADER_BYTES] = DOT;
  writeHeader(block, 12, nodes.parentInode(directory), parentLength, 2, DirentType.directory);
  block[12 + HEADER_BYTES] = DOT;
  block[13 + HEADER_BYTES] = DOT;
}

const DOT = 0x2e;

/** Completes a block of entries with the pretended entry that holds its checksum. */
export function sealLeafBlock(block: Buffer, inodeSeed: number): void {
  block.writeUInt16LE(TAIL_BYTES, DIRECTORY_BLOCK_ROOM + 4);
  block.writeUInt8(TAIL_TYPE, DIRECTORY_BLOCK_ROOM + 7);
  block.writeUInt32LE(crc32c(inodeSeed, block, 0, DIRECTORY_BLOCK_ROOM), DIRECTORY_BLOCK_ROOM + 8);
}

function writeHeader(block: Buffer, at: number, inode: number, length: number, nameLength: number, type: number): void {
  block.writeUInt32LE(inode, at);
  block.writeUInt16LE(length, at + 4);
  block[at + 6] = nameLength;
  block[at + 7] = type;
}
