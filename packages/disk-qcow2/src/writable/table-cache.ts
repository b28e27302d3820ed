import type { WritableFile } from './writable-file.js';

/** A table of one cluster, in memory. */
export interface CachedTable {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: Buffer;
}

interface Entry extends CachedTable {
  /** What differs from the file: nothing when `dirtyFrom` is not below `dirtyTo`. */
  dirtyFrom: number;
  dirtyTo: number;
}

/** Bytes of tables kept, at least four tables. */
const CACHE_BYTES = 2 ** 22;

/** Tables of one kind (L2 tables or refcount blocks), written back only when told to, so that the order is its user's. */
export class TableCache {
  readonly #file: WritableFile;
  readonly #tableBytes: number;
  readonly #capacity: number;
  readonly #entries = new Map<number, Entry>();
  readonly #dirty = new Set<Entry>();

  constructor(file: WritableFile, tableBytes: number) {
    this.#file = file;
    this.#tableBytes = tableBytes;
    this.#capacity = Math.max(4, CACHE_BYTES / tableBytes);
  }

  /** Too many tables wait to be written: what is not dirty can be dropped and read again, these cannot. */
  get isFull(): boolean {
    return this.#dirty.size >= this.#capacity / 2;
  }

  async get(offset: number): Promise<CachedTable> {
    const known = this.#entries.get(offset);
    if (known !== undefined) {
      this.#entries.delete(offset);
      this.#entries.set(offset, known);
      return known;
    }
    const bytes = Buffer.alloc(this.#tableBytes);
    await this.#file.read(offset, bytes);
    return this.#add({ offset, bytes, dirtyFrom: bytes.length, dirtyTo: 0 });
  }

  /** A new table in a cluster whose bytes do not matter: zeros, or a copy. */
  create(offset: number, content?: Buffer): CachedTable {
    const bytes = Buffer.alloc(this.#tableBytes);
    content?.copy(bytes);
    const old = this.#entries.get(offset);
    if (old !== undefined) this.#dirty.delete(old);
    const entry = this.#add({ offset, bytes, dirtyFrom: 0, dirtyTo: bytes.length });
    this.#dirty.add(entry);
    return entry;
  }

  /** Says that bytes of the table at `offset`, which must be in memory, were changed. */
  changed(offset: number, from: number, to: number): void {
    const entry = this.#entries.get(offset);
    if (entry === undefined) throw new TypeError(`no table at ${offset} is in memory`);
    entry.dirtyFrom = Math.min(entry.dirtyFrom, from);
    entry.dirtyTo = Math.max(entry.dirtyTo, to);
    this.#dirty.add(entry);
  }

  async writeDirty(): Promise<void> {
    for (const entry of this.#dirty) {
      await this.#file.write(entry.offset + entry.dirtyFrom, entry.bytes.subarray(entry.dirtyFrom, entry.dirtyTo));
      entry.dirtyFrom = entry.bytes.length;
      entry.dirtyTo = 0;
      this.#dirty.delete(entry);
    }
  }

  #add(entry: Entry): Entry {
    for (const [offset, oldest] of this.#entries) {
      if (this.#entries.size < this.#capacity) break;
      if (!this.#dirty.has(oldest)) this.#entries.delete(offset);
    }
    this.#entries.delete(entry.offset);
    this.#entries.set(entry.offset, entry);
    return entry;
  }
}
