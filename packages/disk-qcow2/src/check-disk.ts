import { BoxliteError, type DiskCheck } from '@boxlite/core';
import { quoted } from './disk-errors.js';
import { closeDiskFile, type DiskFile, openDiskFile, readAt, requireAbsolutePath } from './disk-file.js';
import type { Qcow2Header } from './header.js';
import { MAX_CHECKED_CLUSTERS } from './limits.js';
import { readHeader } from './read-chain.js';
import { ReferenceCounts } from './reference-counts.js';
import { readSnapshotTable } from './snapshot-table.js';
import { readStoredRefcounts } from './stored-refcounts.js';
import { decodeL1Entry, decodeL2Entry, type L2Entry } from './table-entry.js';

/** Messages kept; a wholly broken disk would have millions. */
const MAX_MESSAGES = 100;

/** What a check found, with the counts it rests on. */
export interface DiskVerdict extends DiskCheck {
  /** On record, and as the references are. */
  readonly stored: ReferenceCounts;
  readonly counted: ReferenceCounts;
}

/** Where an L1 table lies. */
interface L1Table {
  /** Of its snapshot, for messages. */
  readonly name: string;
  readonly offset: number;
  readonly entries: number;
  /** Of the disk's present state, whose entries say whether their clusters may be written in place. */
  readonly isActive: boolean;
}

/**
 * Compares the reference counts on record with the references there are, and checks every table entry, as `qemu-img check` does;
 * this file alone, not its backing chain. The disk must not be in use. Memory: at most 64 MiB.
 * @throws BoxliteError `disk_invalid` (the header), `unsupported` (more than {@link MAX_CHECKED_CLUSTERS} clusters), `not_found`
 */
export async function checkDisk(path: string): Promise<DiskCheck> {
  requireAbsolutePath(path, 'path');
  const disk = openDiskFile(path);
  try {
    const { errors, leakedClusters } = await examineDisk(disk, await readHeader(disk));
    return { errors, leakedClusters };
  } finally {
    closeDiskFile(disk);
  }
}

/** {@link checkDisk} of an open file. */
export async function examineDisk(disk: DiskFile, header: Qcow2Header): Promise<DiskVerdict> {
  return new DiskChecker(disk, header).run();
}

class DiskChecker {
  readonly #disk: DiskFile;
  readonly #header: Qcow2Header;
  readonly #clusterBytes: number;
  readonly #references: ReferenceCounts;
  readonly #zeros: Buffer;
  /** L2 tables that may still be read: a hostile disk names one over and over. */
  #tablesLeft: number;
  readonly #errors: string[] = [];
  #errorCount = 0;

  constructor(disk: DiskFile, header: Qcow2Header) {
    this.#disk = disk;
    this.#header = header;
    this.#clusterBytes = 2 ** header.clusterBits;
    const clusters = Math.ceil(disk.size / this.#clusterBytes);
    if (clusters > MAX_CHECKED_CLUSTERS) {
      throw new BoxliteError('unsupported', `disk ${quoted(disk.path)} has ${clusters} clusters, too many to check`, {
        hint: `at most ${MAX_CHECKED_CLUSTERS} are; use \`qemu-img check\``,
        details: { path: disk.path, clusters },
      });
    }
    this.#references = new ReferenceCounts(clusters, this.#clusterBytes);
    this.#zeros = Buffer.alloc(this.#clusterBytes);
    this.#tablesLeft = 4096 + 16 * clusters;
  }

  async run(): Promise<DiskVerdict> {
    const header = this.#header;
    const { snapshots, bytes } = await readSnapshotTable(this.#disk, header);
    this.#references.add(0, this.#clusterBytes);
    this.#references.add(header.l1TableOffset, header.l1Size * 8);
    if (bytes > 0) this.#references.add(header.snapshotsOffset, bytes);
    this.#references.add(header.refcountTableOffset, header.refcountTableClusters * this.#clusterBytes);
    const stored = await readStoredRefcounts(this.#disk, header, this.#references, (error) => this.#report(error));
    await this.#walkL1({ name: '', offset: header.l1TableOffset, entries: header.l1Size, isActive: true }, stored);
    for (const [number, { l1TableOffset: offset, l1Size: entries }] of snapshots.entries()) {
      this.#references.add(offset, entries * 8);
      await this.#walkL1({ name: `snapshot ${number}: `, offset, entries, isActive: false }, stored);
    }
    const leakedClusters = this.#compare(stored);
    return { errors: this.#errors, leakedClusters, stored, counted: this.#references };
  }

  async #walkL1(table: L1Table, stored: ReferenceCounts): Promise<void> {
    const { name, offset, entries, isActive } = table;
    const l1 = await readAt(this.#disk, offset, entries * 8);
    for (let index = 0; (index + 1) * 8 <= l1.length; index++) {
      const what = `${name}l1_table: entry ${index}`;
      const entry = decodeL1Entry(l1.readUInt32BE(index * 8), l1.readUInt32BE(index * 8 + 4));
      if (entry.reservedBits) this.#report(`${what} has reserved bits set`);
      if (entry.offset === 0) continue;
      const inside = this.#references.add(entry.offset, this.#clusterBytes);
      if (!inside || entry.offset % this.#clusterBytes !== 0) {
        this.#report(`${what} is ${inside ? 'not the start of a cluster' : 'outside the file'}`);
        continue;
      }
      const cluster = entry.offset / this.#clusterBytes;
      if (isActive) this.#checkCopied(what, entry.copied, stored.get(cluster));
      if (this.#references.get(cluster) > Math.max(1, stored.get(cluster))) {
        // Not read again: as many entries as the table has could name one L2 table.
        this.#report(`${what} names a cluster that is used otherwise`);
        continue;
      }
      if (this.#tablesLeft-- <= 0) throw this.#tooManyTables();
      await this.#walkL2(`${name}l2_table ${index}`, entry.offset, isActive, stored);
    }
  }

  async #walkL2(name: string, offset: number, isActive: boolean, stored: ReferenceCounts): Promise<void> {
    const l2 = await readAt(this.#disk, offset, this.#clusterBytes);
    if (l2.equals(this.#zeros.subarray(0, l2.length))) return;
    for (let index = 0; (index + 1) * 8 <= l2.length; index++) {
      const high = l2.readUInt32BE(index * 8);
      const low = l2.readUInt32BE(index * 8 + 4);
      if (high === 0 && low === 0) continue;
      const entry = decodeL2Entry(high, low, this.#header.clusterBits);
      this.#checkEntry(`${name}: entry ${index}`, entry, isActive, stored);
    }
  }

  #checkEntry(name: string, entry: L2Entry, isActive: boolean, stored: ReferenceCounts): void {
    if (entry.kind === 'unallocated') return;
    if (entry.kind === 'compressed') {
      if (entry.copied) this.#report(`${name} is compressed and marked as copied`);
      if (!this.#references.add(entry.offset, entry.bytes)) this.#report(`${name} is outside the file`);
      return;
    }
    if (entry.reservedBits) this.#report(`${name} has reserved bits set`);
    if (entry.zero && this.#header.version === 2)
      this.#report(`${name} is a cluster of zeros, which version 2 has not`);
    if (entry.offset !== 0) {
      const inside = this.#references.add(entry.offset, this.#clusterBytes);
      if (!inside) this.#report(`${name} is outside the file`);
      else if (entry.offset % this.#clusterBytes !== 0) this.#report(`${name} is not the start of a cluster`);
      else if (isActive) this.#checkCopied(name, entry.copied, stored.get(entry.offset / this.#clusterBytes));
    }
  }

  /** Bit 63 says that a cluster may be written in place: it must be set exactly when its count is one. */
  #checkCopied(name: string, copied: boolean, refcount: number): void {
    if (copied !== (refcount === 1)) {
      this.#report(`${name} is ${copied ? '' : 'not '}marked as copied, with a reference count of ${refcount}`);
    }
  }

  /** @returns leaked clusters */
  #compare(stored: ReferenceCounts): number {
    let leaked = 0;
    for (let cluster = 0; cluster < stored.clusters; cluster++) {
      const recorded = stored.get(cluster);
      const counted = this.#references.get(cluster);
      if (recorded > counted) leaked++;
      else if (recorded < counted) {
        this.#report(`refcount: cluster ${cluster} is used ${counted} times, its reference count is ${recorded}`);
      }
    }
    if (this.#errorCount > MAX_MESSAGES) this.#errors.push(`and ${this.#errorCount - MAX_MESSAGES} more`);
    return leaked;
  }

  #tooManyTables(): BoxliteError {
    return new BoxliteError('unsupported', `disk ${quoted(this.#disk.path)} has too many tables to check`, {
      hint: 'use `qemu-img check`',
      details: { path: this.#disk.path },
    });
  }

  #report(error: string): void {
    this.#errorCount++;
    if (this.#errorCount <= MAX_MESSAGES) this.#errors.push(error);
  }
}
