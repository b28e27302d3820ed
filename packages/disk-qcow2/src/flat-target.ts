import { ftruncateSync } from 'node:fs';
import { writeAt } from './disk-file.js';

/** A standalone disk that is being written in ascending order. */
export interface FlatTarget {
  /** Runs of zeros of whole granules, bytes, are left out. */
  readonly granuleBytes: number;
  /**
   * Stores bytes; their place is settled before the call returns, so calls may overlap.
   * @param offset of the disk, bytes, at a granule
   */
  put(offset: number, bytes: Buffer): Promise<void>;
  /** Makes the file a disk. */
  finish(): Promise<void>;
}

/** Bytes of a block of most file systems: a smaller hole is none. */
const BLOCK_BYTES = 4096;

/**
 * A raw disk with holes where there are zeros.
 * @param fd of an empty file, open for writing
 */
export function createRawTarget(fd: number, virtualSize: number): FlatTarget {
  return {
    granuleBytes: BLOCK_BYTES,
    put: (offset, bytes) => writeAt(fd, offset, bytes),
    finish: async () => ftruncateSync(fd, virtualSize),
  };
}
