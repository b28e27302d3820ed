import type { Timestamp } from '../tree/image-node.js';
import { crc32c, crc32cOfNumber } from './crc32c.js';
import { EXTRA_ISIZE, INODE_SIZE, MAX_LINKS } from './format.js';

/**
 * The range of ext4's 34-bit seconds, without its last 68 years: e2fsck takes those (2310 to 2378) for times before 1970 that an old
 * kernel wrote wrongly.
 */
const MIN_SECONDS = -(2 ** 31);
const MAX_SECONDS = 3 * 2 ** 32 - 2 ** 31 - 1;

/** The fields of an inode that are not always the same. */
export interface InodeFields {
  /** File type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Bytes. */
  readonly size: number;
  readonly links: number;
  /** 512-byte units of all blocks the inode owns. */
  readonly sectors: number;
  readonly flags: number;
  /** i_block: extent tree, short link target, device number or block map; at most 60 bytes. */
  readonly blockArea: Uint8Array;
  /** Block of extended attributes, 0 for none. */
  readonly xattrBlock: number;
  /** Extended attributes stored behind the fields, possibly empty. */
  readonly inInodeXattrs: Uint8Array;
}

/** Seed of every checksum that belongs to one inode (directory and extent blocks as well). Generation is always 0. */
export function inodeChecksumSeed(fileSystemSeed: number, inode: number): number {
  return crc32cOfNumber(crc32cOfNumber(fileSystemSeed, inode), 0);
}

/**
 * Writes one inode.
 * @param target a block of the inode table
 * @param at offset of the inode in it
 * @param checksumSeed of this inode
 */
export function writeInode(target: Buffer, at: number, fields: InodeFields, checksumSeed: number): void {
  const { seconds, extra } = encodeTimestamp(fields.mtime);
  target.fill(0, at, at + INODE_SIZE);
  target.writeUInt16LE(fields.mode, at);
  target.writeUInt16LE(fields.uid & 0xffff, at + 0x02);
  target.writeUInt32LE(fields.size % 2 ** 32, at + 0x04);
  // Access, change, modification and creation time are all the recorded one: the bytes depend on the layers alone.
  target.writeInt32LE(seconds, at + 0x08);
  target.writeInt32LE(seconds, at + 0x0c);
  target.writeInt32LE(seconds, at + 0x10);
  target.writeUInt16LE(fields.gid & 0xffff, at + 0x18);
  target.writeUInt16LE(fields.links > MAX_LINKS ? 1 : fields.links, at + 0x1a);
  target.writeUInt32LE(fields.sectors % 2 ** 32, at + 0x1c);
  target.writeUInt32LE(fields.flags, at + 0x20);
  target.set(fields.blockArea, at + 0x28);
  target.writeUInt32LE(fields.xattrBlock % 2 ** 32, at + 0x68);
  target.writeUInt32LE(Math.floor(fields.size / 2 ** 32), at + 0x6c);
  target.writeUInt16LE(Math.floor(fields.sectors / 2 ** 32), at + 0x74);
  target.writeUInt16LE(Math.floor(fields.xattrBlock / 2 ** 32), at + 0x76);
  target.writeUInt16LE(fields.uid >>> 16, at + 0x78);
  target.writeUInt16LE(fields.gid >>> 16, at + 0x7a);
  target.writeUInt16LE(EXTRA_ISIZE, at + 0x80);
  target.writeUInt32LE(extra, at + 0x84);
  target.writeUInt32LE(extra, at + 0x88);
  target.writeUInt32LE(extra, at + 0x8c);
  target.writeInt32LE(seconds, at + 0x90);
  target.writeUInt32LE(extra, at + 0x94);
  target.set(fields.inInodeXattrs, at + 128 + EXTRA_ISIZE);
  const checksum = crc32c(checksumSeed, target, at, at + INODE_SIZE);
  target.writeUInt16LE(checksum & 0xffff, at + 0x7c);
  target.writeUInt16LE(checksum >>> 16, at + 0x82);
}

/** Signed low seconds, and nanoseconds with the two epoch bits that extend them. Times out of range are clamped. */
export function encodeTimestamp(time: Timestamp): { seconds: number; extra: number } {
  if (time.seconds < MIN_SECONDS) return { seconds: MIN_SECONDS, extra: 0 };
  if (time.seconds > MAX_SECONDS) return encodeTimestamp({ seconds: MAX_SECONDS, nanoseconds: 0 });
  const seconds = time.seconds | 0;
  const epoch = (time.seconds - seconds) / 2 ** 32;
  return { seconds, extra: ((time.nanoseconds << 2) | epoch) >>> 0 };
}

/** Device numbers that fit the old 8:8 form keep it; larger ones use the second word (kernel: new_encode_dev). */
export function encodeDeviceNumber(major: number, minor: number): Uint8Array {
  const area = new Uint8Array(8);
  const view = new DataView(area.buffer);
  if (major < 256 && minor < 256) view.setUint32(0, (major << 8) | minor, true);
  else view.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  return area;
}
