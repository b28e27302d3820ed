import { diskInvalid } from './disk-errors.js';
import { decodeL1Entry, decodeL2Entry, type L2Entry } from './table-entry.js';

/** What entries are checked against. */
export interface TablePlace {
  readonly clusterBits: number;
  /** Bytes of the file as it is now. */
  readonly fileBytes: number;
  readonly path: string;
}

/**
 * Where the L2 table of an L1 entry lies, 0 when there is none.
 * @param at of the entry in `l1`
 * @throws BoxliteError `disk_invalid` (field `l1_table`)
 */
export function checkedL2Offset(l1: Buffer, at: number, l1Index: number, place: TablePlace): number {
  const refuse = (why: string) => diskInvalid(place.path, 'l1_table', `entry ${l1Index}: ${why}`);
  if (at + 8 > l1.length) throw refuse('the file ends inside it');
  const { offset, reservedBits } = decodeL1Entry(l1.readUInt32BE(at), l1.readUInt32BE(at + 4));
  if (reservedBits) throw refuse('reserved bits are set');
  if (offset === 0) return 0;
  const clusterBytes = 2 ** place.clusterBits;
  if (offset % clusterBytes !== 0) throw refuse('an offset inside a cluster');
  if (offset + clusterBytes > place.fileBytes) throw refuse('an L2 table outside the file');
  return offset;
}

/**
 * An entry of an L2 table.
 * @param diskOffset what it maps, for messages
 * @throws BoxliteError `disk_invalid` (field `l2_table`)
 */
export function checkedL2Entry(
  table: Buffer,
  index: number,
  diskOffset: number,
  place: TablePlace & { readonly version: 2 | 3 },
): L2Entry {
  const refuse = (why: string) =>
    diskInvalid(place.path, 'l2_table', `the entry for disk offset ${diskOffset}: ${why}`);
  const at = index * 8;
  if (at + 8 > table.length) throw refuse('the file ends inside it');
  const entry = decodeL2Entry(table.readUInt32BE(at), table.readUInt32BE(at + 4), place.clusterBits);
  if (entry.kind === 'unallocated') return entry;
  if (entry.kind === 'standard') {
    if (entry.reservedBits) throw refuse('reserved bits are set');
    if (entry.zero && place.version === 2) throw refuse('a cluster of zeros, which version 2 does not have');
    if (entry.offset % 2 ** place.clusterBits !== 0) throw refuse('an offset inside a cluster');
    if (entry.zero && entry.offset === 0) return entry;
  }
  if (entry.offset === 0 || entry.offset >= place.fileBytes) {
    throw refuse(`a cluster at ${entry.offset}, outside the file's data`);
  }
  return entry;
}
