import type { Extent, FileContent } from '../tree/image-node.js';
import type { BlockAllocator } from './block-allocator.js';
import { ExtentList } from './extent-list.js';
import { BLOCK_SIZE } from './format.js';

const ZERO_BLOCK = Buffer.alloc(BLOCK_SIZE);
/** Shorter runs of zeros are written: a hole in every little gap would cost more in extents than it saves. */
const MIN_HOLE_BLOCKS = 16;

/** Where finished blocks go: offset in bytes. */
export interface BlockSink {
  put(offset: number, bytes: Uint8Array): void;
}

/** Turns the bytes of one file after another into blocks and extents. Long runs of zeros become holes. */
export class ContentWriter {
  readonly #allocator: BlockAllocator;
  readonly #sink: BlockSink;
  readonly #partial = Buffer.alloc(BLOCK_SIZE);
  #extents = new ExtentList();
  #fill = 0;
  #size = 0;
  /** Logical number of the next whole block. */
  #block = 0;
  /** Blocks of zeros before it that are neither written nor given up as a hole yet. */
  #zeros = 0;

  constructor(allocator: BlockAllocator, sink: BlockSink) {
    this.#allocator = allocator;
    this.#sink = sink;
  }

  /** Appends bytes to the current file. @throws BoxliteError `resource_exhausted` when the disk is full */
  write(bytes: Buffer): void {
    this.#size += bytes.length;
    let at = 0;
    if (this.#fill > 0) {
      at = Math.min(bytes.length, BLOCK_SIZE - this.#fill);
      bytes.copy(this.#partial, this.#fill, 0, at);
      this.#fill += at;
      if (this.#fill < BLOCK_SIZE) return;
      this.#fill = 0;
      this.#blocks(this.#partial, 0, BLOCK_SIZE);
    }
    const whole = at + Math.floor((bytes.length - at) / BLOCK_SIZE) * BLOCK_SIZE;
    if (whole > at) this.#blocks(bytes, at, whole);
    if (whole < bytes.length) this.#fill = bytes.copy(this.#partial, 0, whole);
  }

  /** Appends `count` zero bytes, most of them as a hole. */
  skip(count: number): void {
    const head = Math.min(count, (BLOCK_SIZE - this.#fill) % BLOCK_SIZE);
    if (head > 0) this.write(ZERO_BLOCK.subarray(0, head));
    const blocks = Math.floor((count - head) / BLOCK_SIZE);
    this.#zeros += blocks;
    this.#block += blocks;
    this.#size += blocks * BLOCK_SIZE;
    const tail = count - head - blocks * BLOCK_SIZE;
    if (tail > 0) this.write(ZERO_BLOCK.subarray(0, tail));
  }

  /** Ends the current file and begins the next. */
  end(): FileContent {
    if (this.#fill > 0) {
      this.#partial.fill(0, this.#fill);
      this.#blocks(this.#partial, 0, BLOCK_SIZE);
    }
    const content = { size: this.#size, extents: this.#extents.list };
    this.#extents = new ExtentList();
    this.#fill = 0;
    this.#size = 0;
    this.#block = 0;
    this.#zeros = 0;
    return content;
  }

  #blocks(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (isZero(bytes, at)) {
        this.#zeros++;
        this.#block++;
        at += BLOCK_SIZE;
        continue;
      }
      let end = at + BLOCK_SIZE;
      while (end < to && !isZero(bytes, end)) end += BLOCK_SIZE;
      if (this.#zeros < MIN_HOLE_BLOCKS) this.#fillGap();
      this.#zeros = 0;
      this.#store(bytes, at, end, this.#block);
      this.#block += (end - at) / BLOCK_SIZE;
      at = end;
    }
  }

  #fillGap(): void {
    for (let logical = this.#block - this.#zeros; logical < this.#block; logical++) {
      this.#store(ZERO_BLOCK, 0, BLOCK_SIZE, logical);
    }
  }

  #store(bytes: Buffer, from: number, to: number, firstLogical: number): void {
    let logical = firstLogical;
    for (let at = from; at < to; ) {
      const run = this.#allocator.allocate((to - at) / BLOCK_SIZE);
      this.#extents.append(logical, run.start, run.length);
      const end = at + run.length * BLOCK_SIZE;
      this.#sink.put(run.start * BLOCK_SIZE, bytes.subarray(at, end));
      logical += run.length;
      at = end;
    }
  }
}

/** Blocks a file's extents occupy. */
export function contentBlocks(extents: readonly Extent[]): number {
  let blocks = 0;
  for (const extent of extents) blocks += extent.length;
  return blocks;
}

function isZero(bytes: Buffer, at: number): boolean {
  // Most blocks differ in their first byte; the full comparison is only paid for likely zeros.
  return bytes[at] === 0 && bytes.compare(ZERO_BLOCK, 0, BLOCK_SIZE, at, at + BLOCK_SIZE) === 0;
}
