/** First bytes of a frame, little-endian (RFC 8878, section 3.1.1). */
const ZSTD_MAGIC = 0xfd2f_b528;
/** Block types of RFC 8878, section 3.1.1.2.2: a repeated byte has one byte of content, and type 3 is reserved. */
const REPEATED_BYTE = 1;
const RESERVED = 3;

/** What a frame says of itself. */
export interface ZstdFrame {
  /** Bytes from the magic to the checksum. */
  readonly length: number;
  /** Bytes it decompresses to, where it says so. */
  readonly contentBytes: number | undefined;
}

/**
 * Finds the end of the frame `bytes` begin with: what follows a compressed cluster in its sectors is of other clusters.
 * @returns undefined when no whole frame is there, or one that needs a dictionary
 */
export function measureZstdFrame(bytes: Buffer): ZstdFrame | undefined {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== ZSTD_MAGIC) return undefined;
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const usesDictionary = (descriptor & 3) !== 0;
  const isReserved = (descriptor & 8) !== 0;
  if (usesDictionary || isReserved) return undefined;
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 ? Number(singleSegment) : 2 ** sizeFlag;
  const sizeAt = 5 + Number(!singleSegment);
  let at = sizeAt + sizeBytes;
  if (at > bytes.length) return undefined;
  const contentBytes = readContentBytes(bytes, sizeAt, sizeBytes);
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return undefined;
    const block = bytes.readUIntLE(at, 3);
    const type = (block >>> 1) & 3;
    if (type === RESERVED) return undefined;
    isLast = (block & 1) === 1;
    at += 3 + (type === REPEATED_BYTE ? 1 : block >>> 3);
  }
  if ((descriptor & 4) !== 0) at += 4;
  return at <= bytes.length ? { length: at, contentBytes } : undefined;
}

function readContentBytes(bytes: Buffer, at: number, length: number): number | undefined {
  switch (length) {
    case 1:
      return bytes.readUInt8(at);
    case 2:
      return bytes.readUInt16LE(at) + 256;
    case 4:
      return bytes.readUInt32LE(at);
    case 8:
      return Number(bytes.readBigUInt64LE(at));
    default:
      return undefined;
  }
}
