import type { ByteString } from './image-node.js';
import { RecordTable } from './record-table.js';
import { TextArena } from './text-arena.js';

/** Full names (`security.capability`) to values. */
export type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

const Word = { TEXT: 0, LENGTH: 1 };
const WORDS = 2;
/** Before each attribute stand the lengths of its name and value, two bytes each. */
const LENGTH_BYTES = 4;
/** So many of the latest sets are known by their object: most files of an image share a few. */
const MAX_RECENT = 256;

/**
 * Sets of extended attributes by their number, 0 for the empty one. A map with two small attributes takes a kilobyte of JavaScript's heap; here it is
 * eight bytes and its text.
 */
export class XattrTable {
  readonly #rows = new RecordTable(WORDS);
  readonly #texts = new TextArena();
  readonly #recent = new Map<Xattrs, number>();

  constructor() {
    this.#rows.add(); // number 0 is no set
  }

  /** Memory of all sets. */
  get bytes(): number {
    return this.#rows.bytes + this.#texts.bytes;
  }

  /**
   * @param xattrs names and values of less than 64 KiB each
   * @returns its number; the same for the same object, as long as it is among the latest
   * @throws BoxliteError `resource_exhausted` beyond a gibibyte of all sets
   */
  add(xattrs: Xattrs): number {
    const known = this.#recent.get(xattrs);
    if (known !== undefined) return known;
    const text = encode(xattrs);
    const set = this.#rows.add();
    this.#rows.set(set, Word.TEXT, this.#texts.add(text));
    this.#rows.set(set, Word.LENGTH, text.length);
    if (this.#recent.size >= MAX_RECENT) {
      const [oldest] = this.#recent.keys();
      if (oldest !== undefined) this.#recent.delete(oldest);
    }
    this.#recent.set(xattrs, set);
    return set;
  }

  get(set: number): Xattrs {
    return decode(this.#texts.get(this.#rows.get(set, Word.TEXT), this.#rows.get(set, Word.LENGTH)));
  }
}

function encode(xattrs: Xattrs): ByteString {
  let text = '';
  for (const [name, value] of xattrs) {
    const lengths = Buffer.alloc(LENGTH_BYTES);
    lengths.writeUInt16LE(name.length, 0);
    lengths.writeUInt16LE(value.length, 2);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    text += lengths.toString('latin1') + name + bytes.toString('latin1');
  }
  return text;
}

function decode(text: ByteString): Xattrs {
  const bytes = Buffer.from(text, 'latin1');
  const xattrs = new Map<ByteString, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + LENGTH_BYTES + bytes.readUInt16LE(at);
    const end = nameEnd + bytes.readUInt16LE(at + 2);
    xattrs.set(bytes.toString('latin1', at + LENGTH_BYTES, nameEnd), bytes.subarray(nameEnd, end));
    at = end;
  }
  return xattrs;
}
