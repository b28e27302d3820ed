import { randomBytes } from 'node:crypto';
import type { ByteString, NodeId } from './image-node.js';
import type { NodeTable } from './node-table.js';
import { RecordTable } from './record-table.js';
import { TextArena } from './text-arena.js';

/** One name in one directory, by its number; 0 is none. */
export type NameId = number;

/** Words of a name's row. NEXT and PREVIOUS link the names of a directory in the order they came, CHAIN those of one bucket. */
const Word = { DIRECTORY: 0, NODE: 1, TEXT: 2, LENGTH: 3, NEXT: 4, PREVIOUS: 5, CHAIN: 6, HASH: 7 };
const WORDS = 8;
/** The word LENGTH holds the bytes of the name and above them the number of the layer that touched it last. */
const LAYER_SHIFT = 8;
const FIRST_BUCKETS = 1024;

/** The names in all directories of a tree, 32 bytes each and their text. Looking one up takes the same time in a directory of any size. */
export class NameTable {
  readonly #nodes: NodeTable;
  readonly #rows = new RecordTable(WORDS);
  readonly #texts = new TextArena();
  /** First name of each bucket; their number is a power of two. */
  #buckets = new Uint32Array(FIRST_BUCKETS);
  #count = 0;
  /** Unknown to whoever chooses the names: nobody can make them all fall into one bucket. */
  readonly #seed = randomBytes(4).readUInt32LE();

  constructor(nodes: NodeTable) {
    this.#nodes = nodes;
    this.#rows.add(); // number 0 is no name
  }

  /** Memory of all names. */
  get bytes(): number {
    return this.#rows.bytes + this.#texts.bytes + this.#buckets.byteLength;
  }

  /** The name in a directory, 0 when there is none. */
  find(directory: NodeId, text: ByteString): NameId {
    return this.#find(directory, text, this.#hash(directory, text));
  }

  /** Puts a node under a name that the directory does not have. @throws BoxliteError `resource_exhausted` for too much text */
  add(directory: NodeId, text: ByteString, node: NodeId): NameId {
    const rows = this.#rows;
    const hash = this.#hash(directory, text);
    const at = this.#texts.add(text);
    const name = rows.add();
    rows.set(name, Word.DIRECTORY, directory);
    rows.set(name, Word.NODE, node);
    rows.set(name, Word.TEXT, at);
    rows.set(name, Word.LENGTH, text.length);
    rows.set(name, Word.HASH, hash);
    const last = this.#nodes.lastName(directory);
    rows.set(name, Word.PREVIOUS, last);
    if (last === 0) this.#nodes.setFirstName(directory, name);
    else rows.set(last, Word.NEXT, name);
    this.#nodes.setLastName(directory, name);
    this.#nodes.setNameCount(directory, this.#nodes.nameCount(directory) + 1);
    if (++this.#count > this.#buckets.length) this.#grow();
    this.#link(name, hash);
    return name;
  }

  remove(name: NameId): void {
    const rows = this.#rows;
    const directory = rows.get(name, Word.DIRECTORY);
    const previous = rows.get(name, Word.PREVIOUS);
    const next = rows.get(name, Word.NEXT);
    if (previous === 0) this.#nodes.setFirstName(directory, next);
    else rows.set(previous, Word.NEXT, next);
    if (next === 0) this.#nodes.setLastName(directory, previous);
    else rows.set(next, Word.PREVIOUS, previous);
    this.#nodes.setNameCount(directory, this.#nodes.nameCount(directory) - 1);
    this.#unlink(name);
    this.#count--;
  }

  /** The first name of a directory in the order they came, 0 for none. */
  first(directory: NodeId): NameId {
    return this.#nodes.firstName(directory);
  }

  /** The name behind another in its directory, 0 for none; of a removed one what was behind it then. */
  next(name: NameId): NameId {
    return this.#rows.get(name, Word.NEXT);
  }

  node(name: NameId): NodeId {
    return this.#rows.get(name, Word.NODE);
  }

  setNode(name: NameId, node: NodeId): void {
    this.#rows.set(name, Word.NODE, node);
  }

  text(name: NameId): ByteString {
    return this.#texts.get(this.#rows.get(name, Word.TEXT), this.length(name));
  }

  /** Bytes of a name. */
  length(name: NameId): number {
    return this.#rows.get(name, Word.LENGTH) & 0xff;
  }

  /** Copies the bytes of a name to a place in a buffer. */
  copyText(name: NameId, target: Buffer, at: number): void {
    this.#texts.copy(this.#rows.get(name, Word.TEXT), this.length(name), target, at);
  }

  /** Number of the layer that made or described the name last, see {@link setLayer}. */
  layer(name: NameId): number {
    return this.#rows.get(name, Word.LENGTH) >>> LAYER_SHIFT;
  }

  /** @param layer 0 to 2^24 - 1 */
  setLayer(name: NameId, layer: number): void {
    this.#rows.set(name, Word.LENGTH, this.length(name) | (layer << LAYER_SHIFT));
  }

  #find(directory: NodeId, text: ByteString, hash: number): NameId {
    const rows = this.#rows;
    let name = this.#buckets[hash & (this.#buckets.length - 1)] as number;
    while (name !== 0) {
      const isCandidate = rows.get(name, Word.HASH) === hash && rows.get(name, Word.DIRECTORY) === directory;
      if (isCandidate && this.#texts.isEqual(rows.get(name, Word.TEXT), this.length(name), text)) return name;
      name = rows.get(name, Word.CHAIN);
    }
    return 0;
  }

  #link(name: NameId, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1);
    this.#rows.set(name, Word.CHAIN, this.#buckets[bucket] as number);
    this.#buckets[bucket] = name;
  }

  #unlink(name: NameId): void {
    const rows = this.#rows;
    const bucket = rows.get(name, Word.HASH) & (this.#buckets.length - 1);
    const after = rows.get(name, Word.CHAIN);
    let before = this.#buckets[bucket] as number;
    if (before === name) {
      this.#buckets[bucket] = after;
      return;
    }
    while (rows.get(before, Word.CHAIN) !== name) before = rows.get(before, Word.CHAIN);
    rows.set(before, Word.CHAIN, after);
  }

  #grow(): void {
    const old = this.#buckets;
    this.#buckets = new Uint32Array(old.length * 2);
    for (const head of old) {
      for (let name = head; name !== 0; ) {
        const after = this.#rows.get(name, Word.CHAIN);
        this.#link(name, this.#rows.get(name, Word.HASH));
        name = after;
      }
    }
  }

  /** One-at-a-time (Jenkins) over the seed, the directory and the text. */
  #hash(directory: NodeId, text: ByteString): number {
    let hash = mix(this.#seed, directory);
    for (let index = 0; index < text.length; index++) hash = mix(hash, text.charCodeAt(index));
    hash = (hash + (hash << 3)) | 0;
    hash ^= hash >>> 11;
    return (hash + (hash << 15)) >>> 0;
  }
}

function mix(hash: number, value: number): number {
  let mixed = (hash + value) | 0;
  mixed = (mixed + (mixed << 10)) | 0;
  return mixed ^ (mixed >>> 6);
}
