import type { ByteString } from '../tree/image-node.js';
import { invalidLayer } from './tar-entry.js';

/** Archives consist of such blocks. */
export const TAR_BLOCK = 512;

/** The fields of a header block (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"). */
export interface TarHeader {
  readonly name: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** One character; NUL counts as `0`. */
  readonly typeFlag: string;
  readonly linkName: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/**
 * @param block 512 bytes that are not all zero
 * @throws BoxliteError `layer_invalid` for a wrong checksum or a malformed number
 */
export function parseTarHeader(block: Buffer): TarHeader {
  checkSum(block);
  const magic = block.toString('latin1', 257, 263);
  const isUstar = magic === 'ustar\0';
  const isGnu = magic === 'ustar ';
  // star marks its variant at the very end; its prefix is shorter, followed by two times.
  const prefixEnd = block.toString('latin1', 508, 512) === 'tar\0' ? 345 + 131 : 345 + 155;
  const prefix = isUstar ? readText(block, 345, prefixEnd) : '';
  const name = readText(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: readNumber(block, 100, 8, 'mode'),
    uid: readNumber(block, 108, 8, 'uid'),
    gid: readNumber(block, 116, 8, 'gid'),
    size: readNumber(block, 124, 12, 'size'),
    mtime: readNumber(block, 136, 12, 'mtime'),
    typeFlag: block[156] === 0 ? '0' : block.toString('latin1', 156, 157),
    linkName: readText(block, 157, 257),
    deviceMajor: isUstar || isGnu ? readNumber(block, 329, 8, 'devmajor') : 0,
    deviceMinor: isUstar || isGnu ? readNumber(block, 337, 8, 'devminor') : 0,
  };
}

/** Text up to the first NUL. */
export function readText(block: Buffer, start: number, end: number): ByteString {
  const nul = block.indexOf(0, start);
  return block.toString('latin1', start, nul < 0 || nul > end ? end : nul);
}

/**
 * An octal number ended by space or NUL, or GNU's base-256 (first bit set, two's complement).
 * @throws BoxliteError `layer_invalid`
 */
export function readNumber(block: Buffer, at: number, length: number, field: string): number {
  const first = block[at] as number;
  if (first >= 0x80) return readBase256(block, at, length, field);
  let value = 0;
  let digits = 0;
  let index = at;
  const end = at + length;
  while (index < end && (block[index] === 0x20 || block[index] === 0)) index++;
  for (; index < end; index++) {
    const digit = (block[index] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
    digits++;
  }
  for (; index < end; index++) {
    if (block[index] !== 0x20 && block[index] !== 0) throw badNumber(field);
    if (block[index] === 0 && digits > 0) break;
  }
  return value;
}

function readBase256(block: Buffer, at: number, length: number, field: string): number {
  const first = block[at] as number;
  const negative = (first & 0x40) !== 0;
  let value = BigInt(first & 0x3f) - (negative ? 0x40n : 0n);
  for (let index = at + 1; index < at + length; index++) value = value * 256n + BigInt(block[index] as number);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badNumber(field);
  return number;
}

function checkSum(block: Buffer): void {
  const stored = readNumber(block, 148, 8, 'checksum');
  // The eight bytes of the sum itself count as spaces.
  let unsigned = 8 * 0x20;
  for (let index = 0; index < 148; index++) unsigned += block[index] as number;
  for (let index = 156; index < TAR_BLOCK; index++) unsigned += block[index] as number;
  if (stored === unsigned) return;
  // Some old programs added up signed characters.
  let highBits = 0;
  for (let index = 0; index < TAR_BLOCK; index++) {
    if (index < 148 || index >= 156) highBits += (block[index] as number) >> 7;
  }
  if (stored !== unsigned - highBits * 256) {
    throw invalidLayer('the checksum of a header is wrong', undefined, 'checksum');
  }
}

function badNumber(field: string) {
  return invalidLayer(`the ${field} of a header is no number`, undefined, field);
}
