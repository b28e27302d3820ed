import { diskInvalid } from './disk-errors.js';
import { l2CoverageBytes, type Qcow2Header } from './header.js';
import { type OpenDisk, readAt } from './open-disk.js';
import { decodeL1Entry, decodeL2Entry, type L2Entry } from './table-entry.js';

/** How a range of a disk is stored in one file; `length` bytes from the asked offset on. */
export type Extent =
  | { readonly kind: 'unallocated' | 'zero'; readonly length: number }
  | { readonly kind: 'data'; readonly length: number; readonly fileOffset: number }
  | {
      readonly kind: 'compressed';
      readonly length: number;
      readonly fileOffset: number;
      readonly fileBytes: number;
      /** Where in the decompressed cluster the range begins. */
      readonly skip: number;
    };

/** Bytes of the L1 table held at a time. */
const L1_WINDOW_BYTES = 65_536;

/** Translates offsets of one qcow2 file's disk; holds one window of the L1 table and one L2 table in memory. */
export class ClusterMap {
  readonly #disk: OpenDisk;
  readonly #header: Qcow2Header;
  readonly #clusterBytes: number;
  #l1Window: { readonly start: number; readonly bytes: Buffer } | undefined;
  #l2: { readonly offset: number; readonly bytes: Buffer } | undefined;

  constructor(disk: OpenDisk, header: Qcow2Header) {
    this.#disk = disk;
    this.#header = header;
    this.#clusterBytes = 2 ** header.clusterBits;
  }

  /**
   * @param offset bytes, below the virtual size
   * @param limit most bytes of interest
   * @throws BoxliteError `disk_invalid` (field `l1_table` or `l2_table`)
   */
  async extentAt(offset: number, limit: number): Promise<Extent> {
    const coverage = l2CoverageBytes(this.#header.clusterBits);
    const inTable = offset % coverage;
    const table = await this.#l2TableAt(Math.floor(offset / coverage));
    const toTableEnd = Math.min(limit, coverage - inTable);
    if (table === undefined) return { kind: 'unallocated', length: toTableEnd };

    const index = Math.floor(inTable / this.#clusterBytes);
    const skip = inTable % this.#clusterBytes;
    const first = this.#entry(table, index, offset);
    if (first.kind === 'compressed') {
      const length = Math.min(toTableEnd, this.#clusterBytes - skip);
      return { kind: 'compressed', length, fileOffset: first.offset, fileBytes: first.bytes, skip };
    }
    const kind = kindOf(first);
    let length = this.#clusterBytes - skip;
    for (let next = index + 1; length < toTableEnd; next++) {
      if (!follows(first, this.#entry(table, next, offset + length), (next - index) * this.#clusterBytes)) break;
      length += this.#clusterBytes;
    }
    length = Math.min(length, toTableEnd);
    return first.kind === 'standard' && kind === 'data'
      ? { kind, length, fileOffset: first.offset + skip }
      : { kind: kind === 'zero' ? 'zero' : 'unallocated', length };
  }

  async #l2TableAt(l1Index: number): Promise<Buffer | undefined> {
    const position = l1Index * 8;
    const start = position - (position % L1_WINDOW_BYTES);
    if (this.#l1Window?.start !== start) {
      const length = Math.min(L1_WINDOW_BYTES, this.#header.l1Size * 8 - start);
      this.#l1Window = { start, bytes: await readAt(this.#disk, this.#header.l1TableOffset + start, length) };
    }
    const { bytes } = this.#l1Window;
    if (position - start + 8 > bytes.length) throw this.#invalid('l1_table', l1Index, 'the file ends inside it');
    const entry = decodeL1Entry(bytes.readUInt32BE(position - start), bytes.readUInt32BE(position - start + 4));
    if (entry.reservedBits) throw this.#invalid('l1_table', l1Index, 'reserved bits are set');
    if (entry.offset === 0) return undefined;
    if (this.#l2?.offset !== entry.offset) {
      if (entry.offset % this.#clusterBytes !== 0)
        throw this.#invalid('l1_table', l1Index, 'an offset inside a cluster');
      if (entry.offset + this.#clusterBytes > this.#disk.size) {
        throw this.#invalid('l1_table', l1Index, 'an L2 table outside the file');
      }
      this.#l2 = { offset: entry.offset, bytes: await readAt(this.#disk, entry.offset, this.#clusterBytes) };
    }
    return this.#l2.bytes;
  }

  #entry(table: Buffer, index: number, diskOffset: number): L2Entry {
    const at = index * 8;
    if (at + 8 > table.length) throw this.#invalid('l2_table', diskOffset, 'the file ends inside it');
    const entry = decodeL2Entry(table.readUInt32BE(at), table.readUInt32BE(at + 4), this.#header.clusterBits);
    if (entry.kind === 'unallocated') return entry;
    if (entry.kind === 'standard' && entry.reservedBits) {
      throw this.#invalid('l2_table', diskOffset, 'reserved bits are set');
    }
    if (entry.kind === 'standard' && entry.offset % this.#clusterBytes !== 0) {
      throw this.#invalid('l2_table', diskOffset, 'an offset inside a cluster');
    }
    if ((entry.offset === 0 && kindOf(entry) !== 'zero') || entry.offset >= this.#disk.size) {
      throw this.#invalid('l2_table', diskOffset, `a cluster at ${entry.offset}, outside the file's data`);
    }
    return entry;
  }

  #invalid(field: string, entry: number, why: string) {
    const what = field === 'l1_table' ? `entry ${entry}` : `the entry for disk offset ${entry}`;
    return diskInvalid(this.#disk.path, field, `${what}: ${why}`);
  }
}

function kindOf(entry: L2Entry): 'unallocated' | 'zero' | 'data' | 'compressed' {
  if (entry.kind !== 'standard') return entry.kind;
  return entry.zero ? 'zero' : 'data';
}

/** Whether `next` continues `first`, `distance` bytes after it: the same kind, and data contiguous in the file. */
function follows(first: L2Entry, next: L2Entry, distance: number): boolean {
  const kind = kindOf(first);
  if (kindOf(next) !== kind) return false;
  if (kind !== 'data' || first.kind !== 'standard' || next.kind !== 'standard') return true;
  return next.offset === first.offset + distance;
}
