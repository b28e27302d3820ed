import type { TableSource } from '../file-tables.js';
import { COPIED_HIGH } from '../format.js';
import type { Qcow2Header } from '../header.js';
import { decodeL1Entry } from '../table-entry.js';
import { checkedL2Offset } from '../table-rules.js';
import type { ClusterAllocator } from './cluster-allocator.js';
import type { MetadataClusters } from './metadata-clusters.js';
import { type CachedTable, TableCache } from './table-cache.js';
import type { WritableFile } from './writable-file.js';

/** L1 and L2 tables of a file that is being written. Changes are in memory until `writeTables` and `writeDirectory`. */
export class Mapping implements TableSource {
  readonly #file: WritableFile;
  readonly #header: Qcow2Header;
  readonly #clusterBytes: number;
  readonly #metadata: MetadataClusters;
  readonly #allocator: ClusterAllocator;
  readonly #tables: TableCache;
  readonly #l1: Buffer;
  readonly #changedEntries = new Set<number>();

  /** @param l1 the whole L1 table */
  constructor(
    file: WritableFile,
    header: Qcow2Header,
    l1: Buffer,
    metadata: MetadataClusters,
    allocator: ClusterAllocator,
  ) {
    this.#file = file;
    this.#header = header;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#metadata = metadata;
    this.#allocator = allocator;
    this.#tables = new TableCache(file, this.#clusterBytes);
    this.#l1 = l1;
    metadata.add(header.l1TableOffset, l1.length);
    metadata.addEntries(l1);
  }

  get isFull(): boolean {
    return this.#tables.isFull;
  }

  fileBytes(): number {
    // Clusters given out and not yet written count: entries lead there already.
    return Math.max(this.#file.end, this.#givenOut);
  }

  /** Bytes up to the end of the last cluster that an entry leads to. */
  #givenOut = 0;

  async l2TableAt(l1Index: number): Promise<Buffer | undefined> {
    const offset = this.#tableOffset(l1Index);
    return offset === 0 ? undefined : (await this.#tables.get(offset)).bytes;
  }

  /** The table of an L1 entry as one that may be changed: made if there is none, copied if a snapshot has it too. */
  async writableTable(l1Index: number): Promise<CachedTable> {
    const offset = this.#tableOffset(l1Index);
    const { copied } = decodeL1Entry(this.#l1.readUInt32BE(l1Index * 8), this.#l1.readUInt32BE(l1Index * 8 + 4));
    if (offset !== 0 && copied) return this.#tables.get(offset);
    const old = offset === 0 ? undefined : (await this.#tables.get(offset)).bytes;
    const { first } = await this.#allocator.allocate(1);
    const at = first * this.#clusterBytes;
    const table = this.#tables.create(at, old);
    this.leadsTo(first, 1);
    this.#metadata.add(at, this.#clusterBytes);
    this.#l1.writeUInt32BE((COPIED_HIGH | Math.floor(at / 2 ** 32)) >>> 0, l1Index * 8);
    this.#l1.writeUInt32BE(at % 2 ** 32, l1Index * 8 + 4);
    this.#changedEntries.add(l1Index);
    if (offset !== 0) {
      this.#allocator.release(offset / this.#clusterBytes);
      this.#metadata.remove(offset, this.#clusterBytes);
    }
    return table;
  }

  /** Changes an entry; the table must have been given by {@link Mapping.writableTable} in the same turn. */
  setEntry(table: CachedTable, index: number, high: number, low: number): void {
    table.bytes.writeUInt32BE(high >>> 0, index * 8);
    table.bytes.writeUInt32BE(low >>> 0, index * 8 + 4);
    this.#tables.changed(table.offset, index * 8, index * 8 + 8);
  }

  /** Entries are about to lead to these clusters. */
  leadsTo(firstCluster: number, clusters: number): void {
    this.#givenOut = Math.max(this.#givenOut, (firstCluster + clusters) * this.#clusterBytes);
  }

  async writeTables(): Promise<void> {
    await this.#tables.writeDirty();
  }

  /** The L1 table, one after another the entries that changed: each leads to a table that is durable. */
  async writeDirectory(): Promise<void> {
    for (const index of this.#changedEntries) {
      await this.#file.write(this.#header.l1TableOffset + index * 8, this.#l1.subarray(index * 8, index * 8 + 8));
      this.#changedEntries.delete(index);
    }
  }

  #tableOffset(l1Index: number): number {
    const { path } = this.#file;
    const place = { clusterBits: this.#header.clusterBits, fileBytes: this.fileBytes(), path };
    return checkedL2Offset(this.#l1, l1Index * 8, l1Index, place);
  }
}
