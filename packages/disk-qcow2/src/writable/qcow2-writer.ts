import { ChainReader } from '../chain-reader.js';
import { diskInvalid } from '../disk-errors.js';
import { readAt } from '../disk-file.js';
import { COPIED_HIGH, HeaderField, ZERO_LOW } from '../format.js';
import { l2CoverageBytes, type Qcow2Header } from '../header.js';
import type { OpenLayer } from '../read-chain.js';
import { readSnapshotTable } from '../snapshot-table.js';
import type { L2Entry } from '../table-entry.js';
import { checkedL2Entry } from '../table-rules.js';
import { ClusterAllocator } from './cluster-allocator.js';
import { Mapping } from './mapping.js';
import { MetadataClusters } from './metadata-clusters.js';
import { planWrite } from './plan-write.js';
import { Refcounts } from './refcounts.js';
import { WritableFile } from './writable-file.js';

/** Bytes written as one piece, at least a cluster. */
const MAX_RUN_BYTES = 2 ** 21;

/** A range inside one L2 table. */
interface Piece {
  readonly l1Index: number;
  /** Of the first cluster in the table. */
  readonly index: number;
  /** Bytes of the first cluster before the range. */
  readonly skip: number;
  readonly length: number;
}

/**
 * Writes the overlay of a chain.
 *
 * Data goes to the file at once, tables stay in memory until {@link Qcow2Writer.commit}, which writes reference counts, L2 tables and L1
 * entries in this order with a sync between them, and only then lowers the counts of what is no longer named. Whenever the writer ends, no
 * cluster is in use that is not counted: at worst some are counted that are not in use.
 */
export class Qcow2Writer {
  readonly reader: ChainReader;
  readonly #file: WritableFile;
  readonly #header: Qcow2Header;
  readonly #clusterBytes: number;
  readonly #hasBacking: boolean;
  readonly #metadata: MetadataClusters;
  readonly #refcounts: Refcounts;
  readonly #allocator: ClusterAllocator;
  readonly #mapping: Mapping;
  #autoclear: boolean;

  /** @param layers the overlay first, open for writing, of version 3 and not dirty */
  static async open(layers: readonly OpenLayer[], top: OpenLayer, header: Qcow2Header): Promise<Qcow2Writer> {
    const clusterBytes = 2 ** header.clusterBits;
    const metadata = new MetadataClusters(clusterBytes);
    const { bytes } = await readSnapshotTable(top.disk, header);
    if (bytes > 0) metadata.add(header.snapshotsOffset, bytes);
    const file = new WritableFile(top.disk);
    const table = Buffer.alloc(header.refcountTableClusters * clusterBytes);
    await file.read(header.refcountTableOffset, table);
    const l1 = await readAt(top.disk, header.l1TableOffset, header.l1Size * 8);
    return new Qcow2Writer(layers, header, file, table, l1, metadata);
  }

  private constructor(
    layers: readonly OpenLayer[],
    header: Qcow2Header,
    file: WritableFile,
    refcountTable: Buffer,
    l1: Buffer,
    metadata: MetadataClusters,
  ) {
    this.#file = file;
    this.#header = header;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#hasBacking = layers.length > 1;
    this.#metadata = metadata;
    this.#refcounts = new Refcounts(file, header, refcountTable, metadata);
    this.#allocator = new ClusterAllocator(this.#refcounts, metadata, file.path);
    this.#mapping = new Mapping(file, header, l1, metadata, this.#allocator);
    this.#autoclear = header.autoclearFeatures !== 0n;
    this.reader = new ChainReader(layers, { once: false, tables: this.#mapping });
  }

  /** @param offset bytes; the range is inside the disk */
  async write(offset: number, bytes: Buffer): Promise<void> {
    await this.#clearAutoclear();
    for (let done = 0; done < bytes.length; ) {
      await this.#makeRoom();
      done += await this.#writePiece(offset + done, bytes.subarray(done));
    }
  }

  /**
   * Makes whole clusters read as zeros and frees them; the range starts at a cluster and ends at one or at the end of the disk. Where
   * nothing is stored in the whole chain, nothing changes.
   */
  async zeroClusters(offset: number, length: number): Promise<void> {
    await this.#clearAutoclear();
    for (let done = 0; done < length; ) {
      await this.#makeRoom();
      const piece = this.#pieceAt(offset + done, length - done);
      await this.#zeroPiece(offset + done, piece);
      done += piece.length;
    }
  }

  /** Brings the tables to the file, in order. */
  async commit(): Promise<void> {
    await this.#refcounts.write();
    await this.#file.sync();
    await this.#mapping.writeTables();
    await this.#file.sync();
    await this.#mapping.writeDirectory();
    await this.#file.sync();
    for (const cluster of this.#refcounts.takeReplaced()) this.#allocator.release(cluster);
    if (!this.#allocator.hasPending) return;
    await this.#allocator.applyReleases();
    await this.#refcounts.write();
  }

  /** Returns when everything written before is durable. */
  async flush(): Promise<void> {
    await this.commit();
    await this.#file.sync();
  }

  async #makeRoom(): Promise<void> {
    if (this.#mapping.isFull || this.#refcounts.isFull || this.#allocator.isFull) await this.commit();
  }

  /** The specification's rule for whoever writes a disk and does not know these features. */
  async #clearAutoclear(): Promise<void> {
    if (!this.#autoclear) return;
    await this.#file.write(HeaderField.autoclearFeatures, Buffer.alloc(8));
    await this.#file.sync();
    this.#autoclear = false;
  }

  #pieceAt(offset: number, limit: number): Piece {
    const coverage = l2CoverageBytes(this.#header.clusterBits);
    const inTable = offset % coverage;
    return {
      l1Index: Math.floor(offset / coverage),
      index: Math.floor(inTable / this.#clusterBytes),
      skip: inTable % this.#clusterBytes,
      length: Math.min(limit, coverage - inTable),
    };
  }

  /** @returns bytes written, at least one */
  async #writePiece(offset: number, bytes: Buffer): Promise<number> {
    const piece = this.#pieceAt(offset, Math.min(bytes.length, Math.max(MAX_RUN_BYTES, this.#clusterBytes)));
    const { skip } = piece;
    const table = await this.#mapping.l2TableAt(piece.l1Index);
    const most = Math.ceil((skip + piece.length) / this.#clusterBytes);
    const plan = planWrite(
      (n) => this.#entry(table, piece.index + n, offset + n * this.#clusterBytes),
      most,
      this.#clusterBytes,
    );
    const length = Math.min(piece.length, plan.clusters * this.#clusterBytes - skip);
    const part = bytes.subarray(0, length);
    if (plan.kind === 'allocate') return this.#writeNew(offset, piece, part, plan.clusters);
    this.#requireNoTables(plan.fileOffset, plan.clusters);
    if (plan.kind === 'in-place') {
      await this.#file.write(plan.fileOffset + skip, part);
      return length;
    }
    const tail = plan.clusters * this.#clusterBytes - skip - length;
    await this.#file.write(plan.fileOffset, Buffer.alloc(skip), part, Buffer.alloc(tail));
    await this.#setEntries(piece, plan.clusters, (n) => plan.fileOffset + n * this.#clusterBytes);
    return length;
  }

  /** Copy on write: what the new clusters hold before and after the range comes from where it was. */
  async #writeNew(offset: number, piece: Piece, bytes: Buffer, clusters: number): Promise<number> {
    const { skip } = piece;
    const run = await this.#allocator.allocate(clusters);
    const whole = run.count * this.#clusterBytes;
    const part = bytes.subarray(0, whole - skip);
    const head = await this.#readOld(offset - skip, skip);
    const tail = await this.#readOld(offset + part.length, whole - skip - part.length);
    const fileOffset = run.first * this.#clusterBytes;
    await this.#file.write(fileOffset, head, part, tail);
    this.#mapping.leadsTo(run.first, run.count);
    const old = await this.#setEntries(piece, run.count, (n) => fileOffset + n * this.#clusterBytes);
    for (const entry of old) this.#release(entry);
    return part.length;
  }

  /** @returns the entries there were */
  async #setEntries(piece: Piece, clusters: number, fileOffset: (index: number) => number): Promise<L2Entry[]> {
    const table = await this.#mapping.writableTable(piece.l1Index);
    const old: L2Entry[] = [];
    for (let n = 0; n < clusters; n++) {
      old.push(this.#entry(table.bytes, piece.index + n, 0));
      const at = fileOffset(n);
      this.#mapping.setEntry(table, piece.index + n, COPIED_HIGH | Math.floor(at / 2 ** 32), at % 2 ** 32);
    }
    return old;
  }

  async #zeroPiece(offset: number, piece: Piece): Promise<void> {
    const clusters = Math.ceil(piece.length / this.#clusterBytes);
    const present = await this.#mapping.l2TableAt(piece.l1Index);
    if (present === undefined && !this.#hasBacking) return;
    const mustChange = (entry: L2Entry): boolean =>
      entry.kind === 'unallocated'
        ? this.#hasBacking
        : !(entry.kind === 'standard' && entry.zero && entry.offset === 0);
    const numbers = Array.from({ length: clusters }, (_, n) => piece.index + n).filter((index) =>
      mustChange(this.#entry(present, index, offset)),
    );
    if (numbers.length === 0) return;
    const table = await this.#mapping.writableTable(piece.l1Index);
    for (const index of numbers) {
      this.#release(this.#entry(table.bytes, index, offset));
      this.#mapping.setEntry(table, index, 0, ZERO_LOW);
    }
  }

  #release(entry: L2Entry): void {
    if (entry.kind === 'unallocated' || entry.offset === 0) return;
    const last = entry.kind === 'compressed' ? entry.offset + entry.bytes - 1 : entry.offset;
    for (
      let cluster = Math.floor(entry.offset / this.#clusterBytes);
      cluster <= Math.floor(last / this.#clusterBytes);
      cluster++
    ) {
      this.#allocator.release(cluster);
    }
  }

  #entry(table: Buffer | undefined, index: number, diskOffset: number): L2Entry {
    if (table === undefined) return { kind: 'unallocated' };
    const { clusterBits, version } = this.#header;
    const place = { clusterBits, version, fileBytes: this.#mapping.fileBytes(), path: this.#file.path };
    return checkedL2Entry(table, index, diskOffset, place);
  }

  #requireNoTables(fileOffset: number, clusters: number): void {
    for (let n = 0; n < clusters; n++) {
      if (!this.#metadata.has(fileOffset / this.#clusterBytes + n)) continue;
      throw diskInvalid(this.#file.path, 'l2_table', `it names the table at ${fileOffset} as data`);
    }
  }

  /** Zeros past the end of the disk: the last cluster may be larger than what is left of it. */
  async #readOld(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const inside = Math.max(0, Math.min(length, this.#header.virtualSize - offset));
    await this.reader.read(offset, bytes.subarray(0, inside));
    return bytes;
  }
}
