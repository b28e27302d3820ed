import { COMPRESSED_HIGH, COPIED_HIGH, L1_RESERVED_HIGH, L2_RESERVED_HIGH, ZERO_LOW } from './format.js';

/** An entry of an L1 table. `offset` 0: there is no L2 table, nothing of its range is stored here. */
export interface L1Entry {
  readonly offset: number;
  readonly copied: boolean;
  readonly reservedBits: boolean;
}

/** An entry of an L2 table. `offset` and `bytes` are of the file. */
export type L2Entry =
  | { readonly kind: 'unallocated' }
  | {
      readonly kind: 'standard';
      /** 0: none is allocated, allowed only with `zero`. */
      readonly offset: number;
      readonly zero: boolean;
      readonly copied: boolean;
      readonly reservedBits: boolean;
    }
  | { readonly kind: 'compressed'; readonly offset: number; readonly bytes: number; readonly copied: boolean };

const HIGH_WORD = 2 ** 32;
/** Bits 9 to 55 hold an offset. Entries are read as two words: 1 in 2 of the bits would not fit a number. */
const OFFSET_HIGH = 0x00ff_ffff;
const RESERVED_LOW = 0x1ff;

/** @param high bits 32 to 63 @param low bits 0 to 31 */
export function decodeL1Entry(high: number, low: number): L1Entry {
  return {
    offset: offsetOf(high, low),
    copied: (high & COPIED_HIGH) !== 0,
    reservedBits: (high & L1_RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0,
  };
}

/** @param high bits 32 to 63 @param low bits 0 to 31 */
export function decodeL2Entry(high: number, low: number, clusterBits: number): L2Entry {
  if (high === 0 && low === 0) return { kind: 'unallocated' };
  const copied = (high & COPIED_HIGH) !== 0;
  if ((high & COMPRESSED_HIGH) !== 0) return { ...decodeCompressed(high, low, clusterBits), copied };
  const zero = (low & ZERO_LOW) !== 0;
  const reservedBits = (high & L2_RESERVED_HIGH) !== 0 || (low & RESERVED_LOW & ~ZERO_LOW) !== 0;
  const offset = offsetOf(high, low);
  // Without a cluster the copied bit says nothing; QEMU ignores it too.
  if (offset === 0 && !zero && !reservedBits) return { kind: 'unallocated' };
  return { kind: 'standard', offset, zero, copied, reservedBits };
}

/** Bits 0 to x-1 are a byte offset, x to 61 the further sectors of 512 bytes, where x = 62 - (cluster_bits - 8). */
function decodeCompressed(high: number, low: number, clusterBits: number) {
  const shift = 62 - (clusterBits - 8) - 32;
  const offset = (high & (2 ** shift - 1)) * HIGH_WORD + low;
  const furtherSectors = (high & (COMPRESSED_HIGH - 1)) >>> shift;
  return { kind: 'compressed', offset, bytes: (furtherSectors + 1) * 512 - (offset % 512) } as const;
}

function offsetOf(high: number, low: number): number {
  return (high & OFFSET_HIGH) * HIGH_WORD + (low - (low & RESERVED_LOW));
}
