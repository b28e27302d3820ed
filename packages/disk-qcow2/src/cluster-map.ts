import type { TableSource } from './file-tables.js';
import { l2CoverageBytes, type Qcow2Header } from './header.js';
import type { L2Entry } from './table-entry.js';
import { checkedL2Entry } from './table-rules.js';

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

/** Translates offsets of one qcow2 file's disk. */
export class ClusterMap {
  readonly #path: string;
  readonly #header: Qcow2Header;
  readonly #tables: TableSource;
  readonly #clusterBytes: number;

  /** @param path for messages */
  constructor(path: string, header: Qcow2Header, tables: TableSource) {
    this.#path = path;
    this.#header = header;
    this.#tables = tables;
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
    const table = await this.#tables.l2TableAt(Math.floor(offset / coverage));
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

  #entry(table: Buffer, index: number, diskOffset: number): L2Entry {
    const { clusterBits, version } = this.#header;
    return checkedL2Entry(table, index, diskOffset, {
      clusterBits,
      version,
      fileBytes: this.#tables.fileBytes(),
      path: this.#path,
    });
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
