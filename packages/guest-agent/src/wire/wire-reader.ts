const VARINT_MAX_BYTES = 10;

/** How a field's content is laid out. */
export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

/**
 * Reads the primitives of the protobuf wire format. The bytes are hostile: every read is checked against their end.
 * @throws RangeError for what is cut short, or is no such primitive
 */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  /** Of the last varint: its bits from 32 on. */
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** The low half of a varint; longer ones are cut, as every implementation does. */
  uint32(): number {
    let low = 0;
    this.#high = 0;
    for (let index = 0; index < VARINT_MAX_BYTES; index += 1) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      const shift = index * 7;
      if (shift < 32) low |= bits << shift;
      if (shift > 28) this.#high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32);
      else if (shift === 28) this.#high |= bits >>> 4;
      if (byte < 0x80) return low >>> 0;
    }
    throw new RangeError('a number of more than ten bytes');
  }

  uint64(): bigint {
    const low = this.uint32();
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(low);
  }

  bool(): boolean {
    return this.uint32() !== 0 || this.#high !== 0;
  }

  /** A view of the bytes, not a copy. */
  bytes(): Buffer {
    return this.#take(this.uint32());
  }

  /** Passes over the content of a field nobody knows. */
  skip(wireType: number): void {
    if (wireType === WireType.VARINT) this.uint32();
    else if (wireType === WireType.BYTES) this.bytes();
    else if (wireType === WireType.FIXED64) this.#take(8);
    else if (wireType === WireType.FIXED32) this.#take(4);
    else throw new RangeError(`a field of the unknown wire type ${wireType}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw new RangeError('the message is cut short');
    this.#position += 1;
    return byte;
  }

  #take(size: number): Buffer {
    const end = this.#position + size;
    if (end > this.#bytes.length) throw new RangeError('the message is cut short');
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }
}
