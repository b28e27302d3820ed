import type { FileHandle } from 'node:fs/promises';
import { PAGE_BYTES } from './stream-format.js';
import { writeAll } from './write-all.js';

/** Bytes that are gathered before they are written, so that pages that lie together cost one call. */
const SLAB_BYTES = 1024 * 1024;
const ZEROES = Buffer.alloc(PAGE_BYTES);

/**
 * Writes pages to a file that is empty at first: what is never written stays a hole.
 *
 * Pages are gathered in slabs; `settle` writes those that are full. What it keeps in memory is what it was given since the last `settle`, and a bit for
 * each page of the file.
 */
export class SparseWriter {
  readonly #file: FileHandle;
  readonly #written: Uint8Array;
  #full: Slab[] = [];
  #slab = new Slab();

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#written = new Uint8Array(Math.ceil(sizeBytes / PAGE_BYTES / 8));
  }

  /** Takes a copy. */
  page(address: number, bytes: Uint8Array): void {
    const isAgain = this.#isWritten(address);
    if (!isAgain) this.#remember(address);
    if (!this.#slab.add(address, bytes, isAgain)) {
      this.#full.push(this.#slab);
      this.#slab = new Slab();
      this.#slab.add(address, bytes, isAgain);
    }
  }

  /** A hole, unless something was written there before. */
  zeroPage(address: number): void {
    if (this.#isWritten(address)) this.page(address, ZEROES);
  }

  /** Writes the slabs that are full. To be awaited before much more is given. */
  async settle(): Promise<void> {
    const full = this.#full;
    this.#full = [];
    for (const slab of full) await slab.write(this.#file);
  }

  /** Writes the rest. */
  async finish(): Promise<void> {
    await this.settle();
    await this.#slab.write(this.#file);
    this.#slab = new Slab();
  }

  #isWritten(address: number): boolean {
    const page = address / PAGE_BYTES;
    return ((this.#written[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  #remember(address: number): void {
    const page = address / PAGE_BYTES;
    this.#written[page >>> 3] = (this.#written[page >>> 3] ?? 0) | (1 << (page & 7));
  }
}

/** Pages in the order they came, and where they belong. */
class Slab {
  readonly #bytes = Buffer.allocUnsafe(SLAB_BYTES);
  readonly #runs: { readonly address: number; readonly start: number; end: number }[] = [];
  #used = 0;
  /** Some page is there twice, here or in the file: then the order of the writes counts. */
  #isOrdered = false;

  /** False when it is full. */
  add(address: number, bytes: Uint8Array, isAgain: boolean): boolean {
    if (this.#used + bytes.length > SLAB_BYTES) return false;
    this.#bytes.set(bytes, this.#used);
    const last = this.#runs.at(-1);
    if (last !== undefined && last.address + (last.end - last.start) === address) last.end += bytes.length;
    else this.#runs.push({ address, start: this.#used, end: this.#used + bytes.length });
    this.#used += bytes.length;
    this.#isOrdered ||= isAgain;
    return true;
  }

  /** One call for each run. */
  async write(file: FileHandle): Promise<void> {
    const writeRun = (run: { readonly address: number; readonly start: number; readonly end: number }) =>
      writeAll(file, this.#bytes.subarray(run.start, run.end), run.address);
    if (!this.#isOrdered) await Promise.all(this.#runs.map(writeRun));
    else for (const run of this.#runs) await writeRun(run);
  }
}
