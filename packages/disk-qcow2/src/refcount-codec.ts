const HIGH_WORD = 2 ** 32;

/** The largest count of a width that is kept here as a number; no file has as many references. */
const MAX_COUNT = HIGH_WORD - 1;

/** The largest count that `refcountOrder` can hold, at most 2^32 - 1. */
export function maxRefcount(refcountOrder: number): number {
  return refcountOrder >= 5 ? MAX_COUNT : 2 ** (2 ** refcountOrder) - 1;
}

/** Counts a refcount block of a cluster holds. */
export function countsPerBlock(clusterBits: number, refcountOrder: number): number {
  return 2 ** (clusterBits + 3 - refcountOrder);
}

/**
 * One count of a block; big-endian, or from the low bits up where it is narrower than a byte. Counts past the end of a
 * partly written block are 0; counts above 32 bits come out as 2^32 - 1.
 */
export function decodeRefcount(block: Buffer, index: number, refcountOrder: number): number {
  const bits = 2 ** refcountOrder;
  if (bits < 8) {
    const { at, shift, mask } = placeInByte(index, bits);
    return ((block[at] ?? 0) >>> shift) & mask;
  }
  const bytes = bits / 8;
  const at = index * bytes;
  if (at + bytes > block.length) return 0;
  if (bytes <= 4) return block.readUIntBE(at, bytes);
  return block.readUInt32BE(at) === 0 ? block.readUInt32BE(at + 4) : MAX_COUNT;
}

/**
 * Writes one count into a whole block.
 * @param count at most `maxRefcount(refcountOrder)`
 * @returns the bytes it touched
 */
export function encodeRefcount(
  block: Buffer,
  index: number,
  refcountOrder: number,
  count: number,
): { readonly at: number; readonly bytes: number } {
  const bits = 2 ** refcountOrder;
  if (bits < 8) {
    const { at, shift, mask } = placeInByte(index, bits);
    block.writeUInt8((block.readUInt8(at) & ~(mask << shift)) | (count << shift), at);
    return { at, bytes: 1 };
  }
  const bytes = bits / 8;
  const at = index * bytes;
  if (bytes <= 4) block.writeUIntBE(count, at, bytes);
  else block.writeBigUInt64BE(BigInt(count), at);
  return { at, bytes };
}

function placeInByte(index: number, bits: number) {
  const perByte = 8 / bits;
  return { at: Math.floor(index / perByte), shift: (index % perByte) * bits, mask: 2 ** bits - 1 };
}
