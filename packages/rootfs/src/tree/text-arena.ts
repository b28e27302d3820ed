import { BoxliteError } from '@boxlite/core';
import type { ByteString } from './image-node.js';

const CHUNK_BITS = 20;
const CHUNK_BYTES = 1 << CHUNK_BITS;
/** A gibibyte: the names of five million files take an eighth of it; only layers made of long names and link targets need more. */
const MAX_CHUNKS = 1024;

/**
 * Texts one behind the other, each found by a number. As strings they would take several times the room, and a piece of a longer string
 * keeps all of it alive.
 */
export class TextArena {
  readonly #chunks: Buffer[] = [];
  #end = 0;

  /** Memory of all texts. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  /**
   * @param text at most 1 MiB
   * @returns where it is
   * @throws BoxliteError `resource_exhausted` beyond a gibibyte
   */
  add(text: ByteString): number {
    if (this.#end + text.length > this.#chunks.length * CHUNK_BYTES) {
      if (this.#chunks.length === MAX_CHUNKS) throw tooMuchText();
      this.#end = this.#chunks.length * CHUNK_BYTES;
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    }
    const at = this.#end;
    if (text.length > 0) this.#chunkOf(at).write(text, at & (CHUNK_BYTES - 1), text.length, 'latin1');
    this.#end += text.length;
    return at;
  }

  get(at: number, length: number): ByteString {
    if (length === 0) return '';
    const start = at & (CHUNK_BYTES - 1);
    return this.#chunkOf(at).toString('latin1', start, start + length);
  }

  /** Copies a text to a place in a buffer. */
  copy(at: number, length: number, target: Buffer, targetStart: number): void {
    const chunk = this.#chunkOf(at);
    const start = at & (CHUNK_BYTES - 1);
    // A loop: names are a few bytes, and a call into the runtime costs more than they do.
    for (let index = 0; index < length; index++) target[targetStart + index] = chunk[start + index] as number;
  }

  isEqual(at: number, length: number, text: ByteString): boolean {
    if (length !== text.length) return false;
    const chunk = this.#chunkOf(at);
    const start = at & (CHUNK_BYTES - 1);
    for (let index = 0; index < length; index++) {
      if (chunk[start + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  #chunkOf(at: number): Buffer {
    return this.#chunks[at >>> CHUNK_BITS] as Buffer;
  }
}

function tooMuchText(): BoxliteError {
  return new BoxliteError('resource_exhausted', 'the names and link targets of the layers take more than 1 GiB', {
    hint: 'do not use this image: no real one has so many long names',
    details: { field: 'entries' },
  });
}
