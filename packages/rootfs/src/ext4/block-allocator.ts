import { BoxliteError } from '@boxlite/core';
import type { BlockRun } from './geometry.js';

/** Blocks handed out. `fresh` ones have never been written: they are holes of the image file and read as zeros. */
export interface AllocatedRun extends BlockRun {
  readonly fresh: boolean;
}

/**
 * Hands out blocks in ascending order, so that the image file is written front to back. Blocks given back are used again only
 * when no untouched ones are left.
 */
export class BlockAllocator {
  #blockCount: number;
  #used: Uint8Array;
  #fresh: BlockRun[];
  #released: BlockRun[] = [];
  #free: number;

  /**
   * @param blockCount blocks of the file system
   * @param freeRuns the blocks that may be handed out, ascending; all others count as used
   */
  constructor(blockCount: number, freeRuns: readonly BlockRun[]) {
    this.#blockCount = blockCount;
    this.#used = new Uint8Array(Math.ceil(blockCount / 8)).fill(0xff);
    this.#fresh = [...freeRuns].reverse();
    this.#free = 0;
    for (const run of freeRuns) {
      this.#mark(run, false);
      this.#free += run.length;
    }
  }

  /** Blocks not in use. */
  get free(): number {
    return this.#free;
  }

  /** One bit a block, set for used ones; bits after the last block are set. */
  get bitmap(): Uint8Array {
    return this.#used;
  }

  /**
   * Takes up to `limit` consecutive blocks, at least one.
   * @throws BoxliteError `resource_exhausted` when none is left
   */
  allocate(limit: number): AllocatedRun {
    const pool = this.#fresh.length > 0 ? this.#fresh : this.#released;
    const run = pool[pool.length - 1];
    if (run === undefined) throw this.#exhausted();
    return this.#take(pool, pool.length - 1, Math.min(limit, run.length));
  }

  /**
   * Takes exactly `length` consecutive blocks.
   * @throws BoxliteError `resource_exhausted` when no run is long enough
   */
  allocateContiguous(length: number): AllocatedRun {
    for (const pool of [this.#fresh, this.#released]) {
      const index = pool.findLastIndex((run) => run.length >= length);
      if (index >= 0) return this.#take(pool, index, length);
    }
    throw this.#exhausted();
  }

  /** Gives blocks back; what was written to them stays in the image file until they are used again. */
  release(run: BlockRun): void {
    this.#released.push({ start: run.start, length: run.length });
    this.#mark(run, false);
    this.#free += run.length;
  }

  /** Number of the block behind the last one handed out by {@link allocate} so far, given back or not. */
  get reach(): number {
    const next = this.#fresh[this.#fresh.length - 1];
    return next === undefined ? this.#blockCount : next.start;
  }

  /** Gives up all blocks from `blockCount` on. @param blockCount not below {@link reach} */
  shrink(blockCount: number): void {
    this.#blockCount = blockCount;
    const within = (run: BlockRun): BlockRun[] =>
      run.start >= blockCount ? [] : [{ start: run.start, length: Math.min(run.length, blockCount - run.start) }];
    this.#fresh = this.#fresh.flatMap(within);
    this.#released = this.#released.flatMap(within);
    this.#used = this.#used.slice(0, Math.ceil(blockCount / 8));
    for (let block = blockCount; block < this.#used.length * 8; block++) this.#mark({ start: block, length: 1 }, true);
    this.#free = [...this.#fresh, ...this.#released].reduce((sum, run) => sum + run.length, 0);
  }

  /** Used blocks between `start` and `start + length`. */
  countUsed(start: number, length: number): number {
    let used = 0;
    for (let block = start; block < start + length; ) {
      if (block % 8 === 0 && block + 8 <= start + length) {
        used += popCount(this.#used[block >> 3] as number);
        block += 8;
      } else {
        used += ((this.#used[block >> 3] as number) >> (block & 7)) & 1;
        block++;
      }
    }
    return used;
  }

  #take(pool: BlockRun[], index: number, length: number): AllocatedRun {
    const run = pool[index] as BlockRun;
    if (length === run.length) pool.splice(index, 1);
    else pool[index] = { start: run.start + length, length: run.length - length };
    const taken = { start: run.start, length, fresh: pool === this.#fresh };
    this.#mark(taken, true);
    this.#free -= length;
    return taken;
  }

  #mark(run: BlockRun, used: boolean): void {
    const end = run.start + run.length;
    for (let block = run.start; block < end; ) {
      if (block % 8 === 0 && block + 8 <= end) {
        const bytes = (end - block) >> 3;
        this.#used.fill(used ? 0xff : 0, block >> 3, (block >> 3) + bytes);
        block += bytes * 8;
      } else {
        const bit = 1 << (block & 7);
        const old = this.#used[block >> 3] as number;
        this.#used[block >> 3] = used ? old | bit : old & ~bit;
        block++;
      }
    }
  }

  #exhausted(): BoxliteError {
    const mib = Math.floor((this.#blockCount * 4096) / 1024 ** 2);
    return new BoxliteError('resource_exhausted', `the image does not fit into a disk of ${mib} MiB`, {
      hint: 'give the box a larger disk (sizeBytes), or use a smaller image',
      details: { field: 'sizeBytes', sizeBytes: this.#blockCount * 4096 },
    });
  }
}

function popCount(byte: number): number {
  let bits = byte - ((byte >> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >> 2) & 0x33);
  return (bits + (bits >> 4)) & 0x0f;
}
