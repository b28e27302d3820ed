import { BoxliteError } from '@boxlite/core';
import { diskInvalid, quoted } from '../disk-errors.js';
import { HeaderField } from '../format.js';
import type { Qcow2Header } from '../header.js';
import { MAX_REFCOUNT_TABLE_BYTES } from '../limits.js';
import { countsPerBlock, decodeRefcount, encodeRefcount, maxRefcount } from '../refcount-codec.js';
import type { MetadataClusters } from './metadata-clusters.js';
import { TableCache } from './table-cache.js';
import type { WritableFile } from './writable-file.js';

const HIGH_WORD = 2 ** 32;
/** Clusters past the end of the file that a damaged disk may count before it is refused. */
const MAX_COUNTED_PAST_END = 65_536;

/**
 * The reference counts of a file that is being written. Blocks and table grow as the file does. Changes are in memory until
 * {@link Refcounts.write}.
 */
export class Refcounts {
  readonly #file: WritableFile;
  readonly #metadata: MetadataClusters;
  readonly #clusterBytes: number;
  readonly #order: number;
  readonly #perBlock: number;
  readonly #blocks: TableCache;
  #table: Buffer;
  #tableOffset: number;
  #changedEntries = new Set<number>();
  #hasMoved = false;
  #replaced: { readonly offset: number; readonly bytes: number }[] = [];
  #end: number;

  /** @param table the whole refcount table */
  constructor(file: WritableFile, header: Qcow2Header, table: Buffer, metadata: MetadataClusters) {
    this.#file = file;
    this.#metadata = metadata;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#order = header.refcountOrder;
    this.#perBlock = countsPerBlock(header.clusterBits, header.refcountOrder);
    this.#blocks = new TableCache(file, this.#clusterBytes);
    this.#table = table;
    this.#tableOffset = header.refcountTableOffset;
    this.#end = Math.ceil(file.end / this.#clusterBytes);
    metadata.add(header.refcountTableOffset, table.length);
    metadata.addEntries(table);
  }

  /** Number of the cluster after the last that is in use or was given out. */
  get end(): number {
    return this.#end;
  }

  get isFull(): boolean {
    return this.#blocks.isFull;
  }

  async get(cluster: number): Promise<number> {
    const offset = this.#blockOffset(Math.floor(cluster / this.#perBlock));
    if (offset === 0) return 0;
    const { bytes } = await this.#blocks.get(offset);
    return decodeRefcount(bytes, cluster % this.#perBlock, this.#order);
  }

  /** @throws BoxliteError `disk_invalid` when the count would be below 0, `unsupported` when it cannot be held */
  async change(cluster: number, by: 1 | -1): Promise<number> {
    const count = (await this.get(cluster)) + by;
    if (count < 0) throw this.#invalid('refcount', `cluster ${cluster} is in use and its reference count is 0`);
    if (count > maxRefcount(this.#order)) {
      throw new BoxliteError('unsupported', `disk ${quoted(this.#file.path)}: cluster ${cluster} has too many users`, {
        hint: 'convert the disk with `qemu-img convert -O qcow2`',
        details: { path: this.#file.path, field: 'refcount_order' },
      });
    }
    await this.set(cluster, count);
    return count;
  }

  async set(cluster: number, count: number): Promise<void> {
    const block = await this.#ensureBlock(Math.floor(cluster / this.#perBlock));
    const { bytes } = await this.#blocks.get(block);
    const touched = encodeRefcount(bytes, cluster % this.#perBlock, this.#order, count);
    this.#blocks.changed(block, touched.at, touched.at + touched.bytes);
  }

  /** Gives out clusters behind all others, one after another; their counts are the caller's to set. @returns the first */
  async append(clusters: number): Promise<number> {
    for (let skipped = 0; ; skipped++) {
      if (skipped > MAX_COUNTED_PAST_END) throw this.#invalid('refcount', 'clusters far past the end are in use');
      const taken = await this.#firstTaken(this.#end, clusters);
      if (taken === undefined) break;
      this.#end = taken + 1;
    }
    const first = this.#end;
    this.#end += clusters;
    return first;
  }

  /**
   * Brings the changes to the file, so that at no point a cluster is in use that is not counted: blocks, then the table's entries, or a
   * table that has moved and then the header.
   */
  async write(): Promise<void> {
    await this.#blocks.writeDirty();
    if (this.#changedEntries.size === 0 && !this.#hasMoved) return;
    await this.#file.sync();
    if (this.#hasMoved) {
      await this.#file.write(this.#tableOffset, this.#table);
      await this.#file.sync();
      const fields = Buffer.alloc(12);
      fields.writeBigUInt64BE(BigInt(this.#tableOffset), 0);
      fields.writeUInt32BE(this.#table.length / this.#clusterBytes, 8);
      await this.#file.write(HeaderField.refcountTableOffset, fields);
    } else {
      for (const index of this.#changedEntries) {
        await this.#file.write(this.#tableOffset + index * 8, this.#table.subarray(index * 8, index * 8 + 8));
      }
    }
    await this.#file.sync();
    this.#hasMoved = false;
    this.#changedEntries.clear();
  }

  /** Clusters of tables that have been replaced, once: nothing durable names them after {@link Refcounts.write}. */
  takeReplaced(): number[] {
    const replaced = this.#replaced.splice(0);
    return replaced.flatMap(({ offset, bytes }) => {
      this.#metadata.remove(offset, bytes);
      const clusters = bytes / this.#clusterBytes;
      return Array.from({ length: clusters }, (_, index) => offset / this.#clusterBytes + index);
    });
  }

  async #firstTaken(first: number, clusters: number): Promise<number | undefined> {
    for (let cluster = first; cluster < first + clusters; cluster++) {
      const offset = this.#blockOffset(Math.floor(cluster / this.#perBlock));
      if (offset === 0) cluster += this.#perBlock - 1 - (cluster % this.#perBlock);
      else if ((await this.get(cluster)) !== 0) return cluster;
    }
    return undefined;
  }

  #blockOffset(index: number): number {
    const at = index * 8;
    if (at >= this.#table.length) return 0;
    const offset = this.#table.readUInt32BE(at) * HIGH_WORD + this.#table.readUInt32BE(at + 4);
    if (offset !== 0 && (offset % this.#clusterBytes !== 0 || offset >= this.#end * this.#clusterBytes)) {
      throw this.#invalid('refcount_table', `entry ${index}: ${offset} is not the start of a cluster of the file`);
    }
    return offset;
  }

  /** @returns where the block lies */
  async #ensureBlock(index: number): Promise<number> {
    const present = this.#blockOffset(index);
    if (present !== 0) return present;
    if ((index + 1) * 8 > this.#table.length) {
      await this.#growTable(index);
      // The new table's own clusters may have needed this very block.
      return this.#ensureBlock(index);
    }
    const cluster = await this.append(1);
    const offset = cluster * this.#clusterBytes;
    this.#table.writeBigUInt64BE(BigInt(offset), index * 8);
    this.#changedEntries.add(index);
    this.#blocks.create(offset);
    this.#metadata.add(offset, this.#clusterBytes);
    // Its own count may be the first it holds.
    await this.set(cluster, 1);
    return offset;
  }

  /** Half as large again as now, in another place; what it needs to count itself is on the way. */
  async #growTable(index: number): Promise<void> {
    const clusters = Math.ceil(Math.max(((index + 1) * 8) / this.#clusterBytes + 1, this.#clusters * 1.5));
    if (clusters * this.#clusterBytes > MAX_REFCOUNT_TABLE_BYTES) {
      throw new BoxliteError('unsupported', `disk ${quoted(this.#file.path)}: its file cannot grow any more`, {
        hint: 'flatten it into a disk with larger clusters',
        details: { path: this.#file.path, field: 'refcount_table_clusters' },
      });
    }
    this.#replaced.push({ offset: this.#tableOffset, bytes: this.#table.length });
    const first = await this.append(clusters);
    const larger = Buffer.alloc(clusters * this.#clusterBytes);
    this.#table.copy(larger);
    this.#table = larger;
    this.#tableOffset = first * this.#clusterBytes;
    this.#hasMoved = true;
    this.#metadata.add(this.#tableOffset, larger.length);
    for (let cluster = first; cluster < first + clusters; cluster++) await this.set(cluster, 1);
  }

  get #clusters(): number {
    return this.#table.length / this.#clusterBytes;
  }

  #invalid(field: string, why: string): BoxliteError {
    return diskInvalid(this.#file.path, field, why);
  }
}
