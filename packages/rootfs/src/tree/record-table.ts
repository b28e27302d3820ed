const CHUNK_BITS = 13;
const CHUNK_ROWS = 1 << CHUNK_BITS;

/**
 * Rows of 32-bit words, numbered from 0. Millions of small records as objects would cost several times their content and be walked by every
 * garbage collection; pieces of a fixed size grow without ever being copied.
 */
export class RecordTable {
  readonly #words: number;
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  /** @param words of each row */
  constructor(words: number) {
    this.#words = words;
  }

  /** Rows so far. */
  get length(): number {
    return this.#length;
  }

  /** Memory of all rows. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_ROWS * this.#words * 4;
  }

  /** Appends a row of zeros. @returns its number */
  add(): number {
    if (this.#length % CHUNK_ROWS === 0) this.#chunks.push(new Uint32Array(CHUNK_ROWS * this.#words));
    return this.#length++;
  }

  /** A word of a row that exists, 0 to 2^32 - 1. */
  get(row: number, word: number): number {
    const chunk = this.#chunks[row >>> CHUNK_BITS] as Uint32Array;
    return chunk[(row & (CHUNK_ROWS - 1)) * this.#words + word] as number;
  }

  set(row: number, word: number, value: number): void {
    const chunk = this.#chunks[row >>> CHUNK_BITS] as Uint32Array;
    chunk[(row & (CHUNK_ROWS - 1)) * this.#words + word] = value;
  }
}
