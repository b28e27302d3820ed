import { decodeL1Entry } from '../table-entry.js';

/**
 * The clusters that hold tables. A damaged or hostile disk may call them free, or name them as data: nothing of a guest may ever be
 * written there.
 */
export class MetadataClusters {
  readonly #clusterBytes: number;
  readonly #clusters = new Set<number>([0]);

  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes;
  }

  has(cluster: number): boolean {
    return this.#clusters.has(cluster);
  }

  /** @param offset bytes, start of a cluster */
  add(offset: number, bytes: number): void {
    for (let at = offset; at < offset + bytes; at += this.#clusterBytes) this.#clusters.add(at / this.#clusterBytes);
  }

  remove(offset: number, bytes: number): void {
    for (let at = offset; at < offset + bytes; at += this.#clusterBytes) this.#clusters.delete(at / this.#clusterBytes);
  }

  /** Adds what a table of big-endian 8-byte entries names. */
  addEntries(table: Buffer): void {
    for (let at = 0; at + 8 <= table.length; at += 8) {
      const { offset } = decodeL1Entry(table.readUInt32BE(at), table.readUInt32BE(at + 4));
      if (offset !== 0) this.#clusters.add(Math.floor(offset / this.#clusterBytes));
    }
  }
}
