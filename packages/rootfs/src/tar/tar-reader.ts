import { DEFAULT_LAYER_LIMITS, limitExceeded } from '../layers/layer-limits.js';
import type { ByteString } from '../tree/image-node.js';
import { type PaxAttributes, type PaxRecords, parsePaxRecords, readPaxAttributes } from './pax-records.js';
import { openSparseBody, type SparseBody } from './sparse-body.js';
import { invalidLayer, type TarEntry, type TarEntryType, type TarSink } from './tar-entry.js';
import { parseTarHeader, readText, TAR_BLOCK, type TarHeader } from './tar-header.js';

/** The largest file ext4 can hold with 4 KiB blocks. */
const MAX_FILE_BYTES = 16 * 1024 ** 4 - 4096;
const ZERO_BLOCK = Buffer.alloc(TAR_BLOCK);
const MAX_ID = 0xffffffff;

const ENTRY_TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** What the bytes that come next are. */
type State =
  | { readonly at: 'header' | 'end' }
  | { readonly at: 'gnu-sparse'; readonly header: TarHeader; readonly blocks: Buffer[] }
  | {
      readonly at: 'extended';
      readonly kind: 'x' | 'g' | 'L' | 'K';
      readonly bytes: Buffer;
      fill: number;
      padding: number;
    }
  | { readonly at: 'data'; left: number; padding: number; readonly sparse: SparseBody | undefined };

/**
 * Reads an uncompressed archive pushed in pieces of any size: ustar, pax, GNU and old formats, with long names, extended
 * attributes and sparse files. Everything is bytes; nothing is decoded as text. Synchronous, so that thousands of small files cost no
 * turns of the event loop. Memory is bounded by one extended header.
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #maxHeaderBytes: number;
  #state: State = { at: 'header' };
  readonly #block = Buffer.alloc(TAR_BLOCK);
  #blockFill = 0;
  #zeroBlocks = 0;
  #records: PaxRecords = [];
  #longName: ByteString | undefined;
  #longLinkName: ByteString | undefined;

  /** @param maxHeaderBytes of one extended header, long name or sparse map: they are held in memory */
  constructor(sink: TarSink, maxHeaderBytes: number = DEFAULT_LAYER_LIMITS.maxHeaderBytes) {
    this.#sink = sink;
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  /** @throws BoxliteError `layer_invalid`, `resource_exhausted` for an extended header that is too large, and whatever the sink throws */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const state = this.#state;
      if (state.at === 'end') return;
      if (state.at === 'data') at += this.#data(state, chunk, at);
      else if (state.at === 'extended') at += this.#extended(state, chunk, at);
      else at += this.#collectBlock(chunk, at);
    }
  }

  /** Call after the last piece. @throws BoxliteError `layer_invalid` when the archive stops in the middle */
  finish(): void {
    const isPending = this.#records.length > 0 || this.#longName !== undefined || this.#longLinkName !== undefined;
    if (isPending) throw invalidLayer('the archive ends between an extended header and its entry');
    // Without the two closing blocks an archive may end between entries, as other readers have it.
    const between = this.#state.at === 'header' && this.#blockFill === 0;
    if (this.#state.at !== 'end' && !between) throw invalidLayer('the archive is truncated');
  }

  #collectBlock(chunk: Buffer, at: number): number {
    if (this.#blockFill === 0 && chunk.length - at >= TAR_BLOCK) {
      this.#blockRead(chunk.subarray(at, at + TAR_BLOCK));
      return TAR_BLOCK;
    }
    const copied = chunk.copy(this.#block, this.#blockFill, at);
    this.#blockFill += copied;
    if (this.#blockFill === TAR_BLOCK) {
      this.#blockFill = 0;
      this.#blockRead(this.#block);
    }
    return copied;
  }

  #blockRead(block: Buffer): void {
    if (this.#state.at === 'gnu-sparse') {
      this.#state.blocks.push(Buffer.from(block));
      this.#continueGnuSparse(this.#state.header, this.#state.blocks);
    } else if (block[0] === 0 && block.equals(ZERO_BLOCK)) {
      if (++this.#zeroBlocks === 2) this.#state = { at: 'end' };
    } else if (this.#zeroBlocks > 0) {
      throw invalidLayer('an entry follows the end mark of the archive');
    } else {
      this.#header(parseTarHeader(block), block);
    }
  }

  #header(header: TarHeader, block: Buffer): void {
    const { typeFlag } = header;
    if (typeFlag === 'x' || typeFlag === 'g' || typeFlag === 'L' || typeFlag === 'K') {
      if (header.size < 0) throw invalidLayer('the size of an extended header is negative', undefined, 'size');
      if (header.size > this.#maxHeaderBytes) throw this.#headerTooLarge();
      const bytes = Buffer.alloc(header.size);
      this.#state = { at: 'extended', kind: typeFlag, bytes, fill: 0, padding: paddingOf(header.size) };
      if (header.size === 0) this.#extendedDone(typeFlag, bytes);
    } else if (typeFlag === 'S') {
      this.#continueGnuSparse(header, [Buffer.from(block)]);
    } else {
      this.#entry(header, undefined);
    }
  }

  /** Old GNU sparse files may have blocks of map between header and data. */
  #continueGnuSparse(header: TarHeader, blocks: Buffer[]): void {
    const last = blocks[blocks.length - 1] as Buffer;
    const isExtended = last[blocks.length === 1 ? 482 : 504] !== 0;
    if (!isExtended) this.#entry(header, blocks);
    else if ((blocks.length + 1) * TAR_BLOCK > this.#maxHeaderBytes) throw this.#headerTooLarge();
    else this.#state = { at: 'gnu-sparse', header, blocks };
  }

  #headerTooLarge(): Error {
    const limit = this.#maxHeaderBytes;
    return limitExceeded('maxHeaderBytes', limit, `an extended header has more than ${limit} bytes`);
  }

  #extended(state: Extract<State, { at: 'extended' }>, chunk: Buffer, at: number): number {
    const copied = chunk.copy(state.bytes, state.fill, at);
    state.fill += copied;
    if (state.fill < state.bytes.length) return copied;
    const padding = Math.min(state.padding, chunk.length - at - copied);
    state.padding -= padding;
    if (state.padding === 0) this.#extendedDone(state.kind, state.bytes);
    return copied + padding;
  }

  #extendedDone(kind: 'x' | 'g' | 'L' | 'K', bytes: Buffer): void {
    this.#state = { at: 'header' };
    // Global headers ("g") are read and dropped: the tools that write and unpack OCI layers give them no effect.
    if (kind === 'x') this.#records = parsePaxRecords(bytes);
    if (kind === 'L') this.#longName = readText(bytes, 0, bytes.length);
    if (kind === 'K') this.#longLinkName = readText(bytes, 0, bytes.length);
  }

  #entry(header: TarHeader, gnuSparse: readonly Buffer[] | undefined): void {
    const records = this.#records;
    const pax = readPaxAttributes(records);
    const name = pax.path ?? this.#longName ?? header.name;
    let type = ENTRY_TYPES[header.typeFlag];
    if (type === undefined) throw invalidLayer(`entries of type ${JSON.stringify(header.typeFlag)} are unknown`, name);
    const stored = type === 'file' ? (pax.size ?? header.size) : 0;
    // Archives from before directories had a type mark them by their name.
    if (header.typeFlag === '0' && name.endsWith('/')) type = 'directory';
    const sparse = type === 'file' ? openSparseBody(records, gnuSparse, this.#sink) : undefined;
    const size = type === 'file' ? (sparse?.size ?? stored) : 0;
    if (stored < 0 || size < 0 || Math.max(stored, size) > MAX_FILE_BYTES) {
      throw invalidLayer('its size is impossible', name, 'size');
    }
    const linkName =
      type === 'symlink' || type === 'hardlink' ? (pax.linkpath ?? this.#longLinkName ?? header.linkName) : '';
    this.#records = [];
    this.#longName = undefined;
    this.#longLinkName = undefined;
    this.#sink.entry(buildEntry(header, pax, type, sparse?.name ?? name, linkName, size));
    this.#state = { at: 'data', left: stored, padding: paddingOf(stored), sparse };
    if (stored === 0) this.#entryDone(sparse);
  }

  #data(state: Extract<State, { at: 'data' }>, chunk: Buffer, at: number): number {
    if (state.left === 0) {
      const padding = Math.min(state.padding, chunk.length - at);
      state.padding -= padding;
      if (state.padding === 0) this.#state = { at: 'header' };
      return padding;
    }
    const count = Math.min(state.left, chunk.length - at);
    const bytes = chunk.subarray(at, at + count);
    if (state.sparse === undefined) this.#sink.data(bytes);
    else state.sparse.data(bytes);
    state.left -= count;
    if (state.left === 0) this.#entryDone(state.sparse, state.padding > 0);
    return count;
  }

  #entryDone(sparse: SparseBody | undefined, padded = false): void {
    sparse?.end();
    this.#sink.endEntry();
    if (!padded) this.#state = { at: 'header' };
  }
}

function buildEntry(
  header: TarHeader,
  pax: PaxAttributes,
  type: TarEntryType,
  name: ByteString,
  linkName: ByteString,
  size: number,
): TarEntry {
  const uid = pax.uid ?? header.uid;
  const gid = pax.gid ?? header.gid;
  for (const id of [uid, gid]) {
    if (id < 0 || id > MAX_ID) throw invalidLayer(`${id} is no user or group id`, name, 'uid');
  }
  return {
    type,
    name,
    linkName,
    mode: header.mode & 0o7777,
    uid,
    gid,
    mtime: pax.mtime ?? { seconds: header.mtime, nanoseconds: 0 },
    size,
    deviceMajor: pax.deviceMajor ?? header.deviceMajor,
    deviceMinor: pax.deviceMinor ?? header.deviceMinor,
    xattrs: pax.xattrs,
  };
}

function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}
