import { BoxliteError } from '@boxlite/core';

/** RFC 8878, 3.1.1.2: no block is larger, compressed or not. */
const MAX_BLOCK_BYTES = 128 * 1024;
/** The largest window the decoder supports, and what bounds its memory. `zstd -19` uses 8 MiB, `--ultra` up to 128 MiB. */
export const MAX_WINDOW_BYTES = 32 * 1024 * 1024;
/** Blocks a batch: at most 4 MiB come out of one. */
const BLOCKS_PER_BATCH = 32;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
// Magic, descriptor, window byte, dictionary id (4), content size (8).
const MAX_HEADER_BYTES = 18;

type State = 'magic' | 'skippable' | 'header' | 'block' | 'skip';

/**
 * Walks over a zstd stream without decompressing it, to refuse what would make the decoder allocate or work without bound, and to cut
 * the stream where at most {@link BLOCKS_PER_BATCH} blocks come together.
 */
export class ZstdScanner {
  private state: State = 'magic';
  private readonly pending = Buffer.alloc(MAX_HEADER_BYTES);
  private pendingLength = 0;
  /** Bytes to pass over, and the state after them. */
  private skip = 0;
  private afterSkip: State = 'magic';
  private hasChecksum = false;
  private blocks = 0;

  /**
   * @param chunk the next bytes of the stream
   * @returns the offsets in `chunk` to cut at, ascending
   * @throws BoxliteError `layer_invalid`
   */
  scan(chunk: Uint8Array): number[] {
    const cuts: number[] = [];
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (this.state === 'skip') {
        const taken = Math.min(this.skip, chunk.byteLength - offset);
        offset += taken;
        this.skip -= taken;
        if (this.skip === 0) this.state = this.afterSkip;
        continue;
      }
      this.pending[this.pendingLength] = chunk[offset] ?? 0;
      this.pendingLength += 1;
      offset += 1;
      if (this.pendingLength < this.wanted()) continue;
      if (this.consume()) cuts.push(offset);
    }
    return cuts;
  }

  /** @throws BoxliteError `layer_invalid` when the stream ends inside a frame */
  end(): void {
    if (this.state !== 'magic' || this.pendingLength > 0) throw invalidZstd('it is truncated');
  }

  private wanted(): number {
    if (this.state === 'block') return 3;
    return this.state === 'header' ? headerBytes(this.pending[0] ?? 0) : 4;
  }

  /** Takes what is pending; true where the stream may be cut. */
  private consume(): boolean {
    const state = this.state;
    const length = this.pendingLength;
    this.pendingLength = 0;
    if (state === 'magic') this.takeMagic(this.pending.readUInt32LE(0));
    else if (state === 'skippable') this.pass(this.pending.readUInt32LE(0), 'magic');
    else if (state === 'header') this.takeHeader(length);
    else return this.takeBlock(this.pending.readUIntLE(0, 3));
    return false;
  }

  private takeMagic(magic: number): void {
    if (magic === FRAME_MAGIC) this.state = 'header';
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) this.state = 'skippable';
    else throw invalidZstd('it has no frame where one must begin');
  }

  private takeHeader(length: number): void {
    const descriptor = this.pending[0] ?? 0;
    if ((descriptor & 0x08) !== 0) throw invalidZstd('a reserved bit is set');
    if ((descriptor & 0x03) !== 0) throw invalidZstd('it needs a dictionary');
    this.hasChecksum = (descriptor & 0x04) !== 0;
    const singleSegment = (descriptor & 0x20) !== 0;
    const window = singleSegment ? contentSize(this.pending.subarray(1, length)) : windowSize(this.pending[1] ?? 0);
    if (window > MAX_WINDOW_BYTES)
      throw invalidZstd(`its window of ${window} bytes is larger than ${MAX_WINDOW_BYTES}`);
    this.state = 'block';
  }

  private takeBlock(header: number): boolean {
    const last = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3) throw invalidZstd('a block has the reserved type');
    if (size > MAX_BLOCK_BYTES) throw invalidZstd('a block is larger than 128 KiB');
    this.blocks += 1;
    // A run-length block stores one byte, whatever its size.
    const stored = type === 1 ? 1 : size;
    this.pass(stored + (last && this.hasChecksum ? 4 : 0), last ? 'magic' : 'block');
    if (this.blocks < BLOCKS_PER_BATCH) return false;
    this.blocks = 0;
    return true;
  }

  private pass(bytes: number, next: State): void {
    this.skip = bytes;
    this.afterSkip = next;
    this.state = bytes === 0 ? next : 'skip';
  }
}

/** Length of the frame header after the magic (RFC 8878, 3.1.1.1). */
function headerBytes(descriptor: number): number {
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const size = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return 1 + (singleSegment ? 0 : 1) + dictionary + size;
}

function contentSize(field: Buffer): number {
  if (field.length === 8) return Number(field.readBigUInt64LE(0));
  return field.length === 2 ? field.readUInt16LE(0) + 256 : field.readUIntLE(0, field.length);
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function invalidZstd(why: string): BoxliteError {
  return new BoxliteError('layer_invalid', `the zstd stream of a layer cannot be read: ${why}`, {
    hint: 'compress the layer again with zstd level 19 or lower, or with gzip',
  });
}
