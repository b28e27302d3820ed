import type { ByteString } from '../tree/image-node.js';
import { type PaxRecords, paxNumber } from './pax-records.js';
import { type SparseFragment, SparseMapText } from './sparse-map-text.js';
import { invalidLayer, type TarSink } from './tar-entry.js';
import { readNumber } from './tar-header.js';

/**
 * The body of a sparse file: gets the stored bytes, tells the sink data and holes of the whole file.
 * @see GNU tar manual, "Storing Sparse Files" (old format and versions 0.0, 0.1 and 1.0)
 */
export class SparseBody {
  /** Bytes of the file with its holes. */
  readonly size: number;
  /** The real name, where the header holds an invented one. */
  readonly name: ByteString | undefined;
  readonly #sink: TarSink;
  /** The map at the start of the data (version 1.0), until it has been read. */
  #mapText: SparseMapText | undefined;
  #fragments: readonly SparseFragment[];
  #index = 0;
  #inFragment = 0;
  #position = 0;

  constructor(
    size: number,
    name: ByteString | undefined,
    map: readonly SparseFragment[] | SparseMapText,
    sink: TarSink,
  ) {
    this.size = size;
    this.name = name;
    this.#sink = sink;
    this.#mapText = map instanceof SparseMapText ? map : undefined;
    this.#fragments = map instanceof SparseMapText ? [] : checkedMap(map, size);
  }

  data(bytes: Buffer): void {
    let at = 0;
    if (this.#mapText !== undefined) {
      at = this.#mapText.push(bytes);
      if (this.#mapText.fragments === undefined) return;
      this.#fragments = checkedMap(this.#mapText.fragments, this.size);
      this.#mapText = undefined;
    }
    while (at < bytes.length) {
      const fragment = this.#fragments[this.#index];
      if (fragment === undefined) throw invalidLayer('a sparse file holds more data than its map says');
      this.#holeTo(fragment.offset);
      const count = Math.min(fragment.length - this.#inFragment, bytes.length - at);
      if (count > 0) this.#sink.data(bytes.subarray(at, at + count));
      at += count;
      this.#position += count;
      this.#inFragment += count;
      if (this.#inFragment === fragment.length) {
        this.#index++;
        this.#inFragment = 0;
      }
    }
  }

  end(): void {
    const rest = this.#fragments.slice(this.#index);
    if (this.#mapText !== undefined || this.#inFragment > 0 || rest.some(({ length }) => length > 0)) {
      throw invalidLayer('a sparse file holds less data than its map says');
    }
    this.#holeTo(this.size);
  }

  #holeTo(offset: number): void {
    if (this.#inFragment === 0 && offset > this.#position) {
      this.#sink.hole(offset - this.#position);
      this.#position = offset;
    }
  }
}

/** Recognises a sparse file by its records or by the blocks of an old GNU header; undefined for all others. */
export function openSparseBody(
  records: PaxRecords,
  gnuBlocks: readonly Buffer[] | undefined,
  sink: TarSink,
): SparseBody | undefined {
  if (gnuBlocks !== undefined) {
    const size = readNumber(gnuBlocks[0] as Buffer, 483, 12, 'realsize');
    return new SparseBody(size, undefined, readGnuMap(gnuBlocks), sink);
  }
  if (!records.some(([key]) => key.startsWith('GNU.sparse.'))) return undefined;
  const last = new Map(records);
  const name = last.get('GNU.sparse.name')?.toString('latin1');
  const major = last.get('GNU.sparse.major')?.toString('latin1');
  if (major === '1' && last.get('GNU.sparse.minor')?.toString('latin1') === '0') {
    return new SparseBody(required(last, 'GNU.sparse.realsize'), name, new SparseMapText(), sink);
  }
  if (major !== undefined && major !== '0') throw invalidLayer(`sparse files of version ${major} are unknown`);
  const map = last.get('GNU.sparse.map');
  const numbers =
    map === undefined
      ? records
          .filter(([key]) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
          .map(([key, value]) => paxNumber(key, value))
      : map
          .toString('latin1')
          .split(',')
          .map((text) => paxNumber('GNU.sparse.map', Buffer.from(text)));
  return new SparseBody(required(last, 'GNU.sparse.size'), name, pairUp(numbers), sink);
}

function readGnuMap(blocks: readonly Buffer[]): SparseFragment[] {
  return blocks.flatMap((block, index) => {
    // Four pairs in the header itself, 21 in each block behind it; unused pairs are empty.
    const [start, count] = index === 0 ? [386, 4] : [0, 21];
    return Array.from({ length: count }, (_, pair) => start + pair * 24)
      .filter((at) => block[at] !== 0)
      .map((at) => ({
        offset: readNumber(block, at, 12, 'offset'),
        length: readNumber(block, at + 12, 12, 'numbytes'),
      }));
  });
}

function required(records: ReadonlyMap<string, Buffer>, key: string): number {
  const value = records.get(key);
  if (value === undefined) throw invalidLayer(`a sparse file has no ${key}`);
  return paxNumber(key, value);
}

function pairUp(numbers: readonly number[]): SparseFragment[] {
  if (numbers.length % 2 !== 0) throw invalidLayer('a sparse map is malformed');
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[index * 2] as number,
    length: numbers[index * 2 + 1] as number,
  }));
}

function checkedMap(map: readonly SparseFragment[], size: number): readonly SparseFragment[] {
  let end = 0;
  for (const { offset, length } of map) {
    if (offset < end || length < 0 || offset + length > size) throw invalidLayer('a sparse map is out of order');
    end = offset + length;
  }
  return map;
}
