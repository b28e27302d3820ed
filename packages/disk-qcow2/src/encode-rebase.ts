import { HeaderExtension, HeaderField } from './format.js';
import type { Qcow2Header } from './header.js';
import { MAX_HEADER_AREA_BYTES } from './limits.js';

/** What a disk writes whole or not at all. */
const SECTOR = 512;

/** Two writes, the first of which changes nothing that is read. */
export interface RebaseChange {
  readonly nameOffset: number;
  readonly firstSector: Buffer;
}

/**
 * Where another backing name goes, and the first sector that names it.
 * @param area the beginning of the file, as `parseHeader` has accepted it
 * @returns or why there is no way
 */
export function encodeRebase(
  area: Buffer,
  header: Pick<Qcow2Header, 'headerLength' | 'clusterBits'>,
  backing: { readonly name: Buffer; readonly format: 'raw' | 'qcow2' },
): RebaseChange | string {
  const oldOffset = Number(area.readBigUInt64BE(HeaderField.backingFileOffset));
  if (oldOffset === 0) return 'it has no backing file';
  const oldEnd = oldOffset + area.readUInt32BE(HeaderField.backingFileSize);
  const { formatAt, end } = findExtensions(area.subarray(0, oldOffset), header.headerLength);
  if (formatAt === undefined || formatAt + 16 > SECTOR) return 'its backing format is not in the first sector';
  if (end === undefined) return 'its header extensions have no end';
  const nameOffset = roomFor(backing.name.length, { from: end, oldOffset, oldEnd, limit: limitOf(header.clusterBits) });
  if (nameOffset === undefined) return `there is no room for a name of ${backing.name.length} bytes in its header`;

  const firstSector = Buffer.alloc(SECTOR);
  area.copy(firstSector, 0, 0, SECTOR);
  // Where the name itself lies in the first sector it goes there with the first write; this one must not take it back.
  if (nameOffset < SECTOR) backing.name.copy(firstSector, nameOffset);
  firstSector.writeBigUInt64BE(BigInt(nameOffset), HeaderField.backingFileOffset);
  firstSector.writeUInt32BE(backing.name.length, HeaderField.backingFileSize);
  firstSector.writeUInt32BE(backing.format.length, formatAt + 4);
  firstSector.fill(0, formatAt + 8, formatAt + 16).write(backing.format, formatAt + 8, 'latin1');
  return { nameOffset, firstSector };
}

function limitOf(clusterBits: number): number {
  return Math.min(2 ** clusterBits, MAX_HEADER_AREA_BYTES);
}

interface Room {
  readonly from: number;
  readonly oldOffset: number;
  readonly oldEnd: number;
  readonly limit: number;
}

/** A place beside the old name: before it, left by a rebase before, or behind it. */
function roomFor(length: number, { from, oldOffset, oldEnd, limit }: Room): number | undefined {
  if (from + length <= oldOffset) return from;
  const behind = Math.ceil(oldEnd / 8) * 8;
  return behind + length <= limit ? behind : undefined;
}

/** Where the backing format is, and where the extensions end. */
function findExtensions(area: Buffer, start: number) {
  let formatAt: number | undefined;
  for (let at = start; at + 8 <= area.length; ) {
    const type = area.readUInt32BE(at);
    if (type === HeaderExtension.end) return { formatAt, end: at + 8 };
    if (type === HeaderExtension.backingFormat) formatAt = at;
    at += 8 + Math.ceil(area.readUInt32BE(at + 4) / 8) * 8;
  }
  return { formatAt, end: undefined };
}
