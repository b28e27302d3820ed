import { invalidLayer } from './tar-entry.js';
import { TAR_BLOCK } from './tar-header.js';

/** Stored bytes and where they belong in the file. */
export interface SparseFragment {
  readonly offset: number;
  readonly length: number;
}

/** More pieces than this are taken for an attack: the map is held in memory. */
const MAX_SPARSE_FRAGMENTS = 1_000_000;

/** The map that begins the data of sparse files of version 1.0: decimal lines, padded to a whole block. */
export class SparseMapText {
  #digits = '';
  #bytes = 0;
  #count: number | undefined;
  readonly #numbers: number[] = [];

  /** The map, once all of it and its padding have been pushed. */
  get fragments(): readonly SparseFragment[] | undefined {
    if (!this.#complete || this.#bytes % TAR_BLOCK !== 0) return undefined;
    return Array.from({ length: this.#numbers.length / 2 }, (_, index) => ({
      offset: this.#numbers[index * 2] as number,
      length: this.#numbers[index * 2 + 1] as number,
    }));
  }

  get #complete(): boolean {
    return this.#count !== undefined && this.#numbers.length === this.#count * 2;
  }

  /** Takes what belongs to the map. Returns how many bytes that was. */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !(this.#complete && this.#bytes % TAR_BLOCK === 0)) {
      if (!this.#complete) this.#character(bytes[at] as number);
      this.#bytes++;
      at++;
    }
    return at;
  }

  #character(byte: number): void {
    if (byte >= 0x30 && byte <= 0x39 && this.#digits.length < 15) {
      this.#digits += String.fromCharCode(byte);
      return;
    }
    if (byte !== 0x0a || this.#digits === '') throw invalidLayer('a sparse map is malformed');
    const value = Number(this.#digits);
    this.#digits = '';
    if (this.#count !== undefined) this.#numbers.push(value);
    else if (value > MAX_SPARSE_FRAGMENTS) throw invalidLayer('a sparse map is too large');
    else this.#count = value;
  }
}
