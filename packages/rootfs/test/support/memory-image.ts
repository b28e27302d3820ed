import type { BlockSink } from '../../src/ext4/content-writer.js';

/** An image in memory whose untouched bytes are garbage, so that a test sees what was not written. */
export class MemoryImage implements BlockSink {
  readonly bytes: Buffer;

  constructor(blocks: number, garbage = 0xa5) {
    this.bytes = Buffer.alloc(blocks * 4096, garbage);
  }

  put(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
  }

  /** Blocks from `start` on. */
  blocks(start: number, count = 1): Buffer {
    return this.bytes.subarray(start * 4096, (start + count) * 4096);
  }
}
