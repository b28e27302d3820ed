import type { DiskFile } from './disk-file.js';
import { readAt } from './disk-file.js';
import type { Qcow2Header } from './header.js';
import { checkedL2Offset } from './table-rules.js';

/** Where a map finds its L2 tables. */
export interface TableSource {
  /** Bytes of the file: entries must lead inside. */
  fileBytes(): number;
  /** @returns undefined where there is no table @throws BoxliteError `disk_invalid` (field `l1_table`) */
  l2TableAt(l1Index: number): Promise<Buffer | undefined>;
}

/** Bytes of the L1 table held at a time. */
const L1_WINDOW_BYTES = 65_536;
/** Bytes of L2 tables held at a time, at least two of them. */
const L2_CACHE_BYTES = 2 ** 21;

/** The tables of a file nobody writes; a window of the L1 table and the L2 tables used last are in memory. */
export class FileTables implements TableSource {
  readonly #disk: DiskFile;
  readonly #header: Qcow2Header;
  readonly #capacity: number;
  readonly #tables = new Map<number, Buffer>();
  #window: { readonly start: number; readonly bytes: Buffer } | undefined;

  constructor(disk: DiskFile, header: Qcow2Header) {
    this.#disk = disk;
    this.#header = header;
    this.#capacity = Math.max(2, L2_CACHE_BYTES / 2 ** header.clusterBits);
  }

  fileBytes(): number {
    return this.#disk.size;
  }

  async l2TableAt(l1Index: number): Promise<Buffer | undefined> {
    const position = l1Index * 8;
    const start = position - (position % L1_WINDOW_BYTES);
    if (this.#window?.start !== start) {
      const length = Math.min(L1_WINDOW_BYTES, this.#header.l1Size * 8 - start);
      this.#window = { start, bytes: await readAt(this.#disk, this.#header.l1TableOffset + start, length) };
    }
    const place = { clusterBits: this.#header.clusterBits, fileBytes: this.#disk.size, path: this.#disk.path };
    const offset = checkedL2Offset(this.#window.bytes, position - start, l1Index, place);
    if (offset === 0) return undefined;
    let table = this.#tables.get(offset);
    if (table === undefined) {
      table = await readAt(this.#disk, offset, 2 ** this.#header.clusterBits);
      for (const oldest of this.#tables.keys()) {
        if (this.#tables.size < this.#capacity) break;
        this.#tables.delete(oldest);
      }
    } else this.#tables.delete(offset);
    this.#tables.set(offset, table);
    return table;
  }
}
