import { crc32c, crc32cOfNumber } from './crc32c.js';
import { DESCRIPTOR_SIZE } from './format.js';

/** One group's entry in the descriptor table. */
export interface GroupDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly flags: number;
  /** Inodes at the end of the table that were never used. */
  readonly unusedInodes: number;
  readonly blockBitmapChecksum: number;
  readonly inodeBitmapChecksum: number;
}

/** Writes a 64-byte descriptor with its checksum. */
export function writeGroupDescriptor(
  target: Buffer,
  at: number,
  group: number,
  descriptor: GroupDescriptor,
  checksumSeed: number,
): void {
  const { blockBitmap, inodeBitmap, inodeTable, blockBitmapChecksum, inodeBitmapChecksum } = descriptor;
  target.fill(0, at, at + DESCRIPTOR_SIZE);
  [blockBitmap, inodeBitmap, inodeTable].forEach((block, index) => {
    target.writeUInt32LE(block % 2 ** 32, at + index * 4);
    target.writeUInt32LE(Math.floor(block / 2 ** 32), at + 0x20 + index * 4);
  });
  target.writeUInt16LE(descriptor.freeBlocks & 0xffff, at + 0x0c);
  target.writeUInt16LE(descriptor.freeInodes & 0xffff, at + 0x0e);
  target.writeUInt16LE(descriptor.directories & 0xffff, at + 0x10);
  target.writeUInt16LE(descriptor.flags, at + 0x12);
  target.writeUInt16LE(blockBitmapChecksum & 0xffff, at + 0x18);
  target.writeUInt16LE(inodeBitmapChecksum & 0xffff, at + 0x1a);
  target.writeUInt16LE(descriptor.unusedInodes & 0xffff, at + 0x1c);
  target.writeUInt16LE(descriptor.freeBlocks >>> 16, at + 0x2c);
  target.writeUInt16LE(descriptor.freeInodes >>> 16, at + 0x2e);
  target.writeUInt16LE(descriptor.directories >>> 16, at + 0x30);
  target.writeUInt16LE(descriptor.unusedInodes >>> 16, at + 0x32);
  target.writeUInt16LE(blockBitmapChecksum >>> 16, at + 0x38);
  target.writeUInt16LE(inodeBitmapChecksum >>> 16, at + 0x3a);
  const checksum = crc32c(crc32cOfNumber(checksumSeed, group), target, at, at + DESCRIPTOR_SIZE);
  target.writeUInt16LE(checksum & 0xffff, at + 0x1e);
}
