import { describe, expect, it } from 'vitest';
import { crc32c, crc32cOfNumber } from './crc32c.js';

const standard = (text: string) => (crc32c(0xffffffff, Buffer.from(text)) ^ 0xffffffff) >>> 0;

describe('crc32c', () => {
  it('gives the check value of the polynomial', () => {
    expect(standard('123456789')).toBe(0xe3069283);
  });

  it('gives the values of RFC 3720', () => {
    expect((crc32c(0xffffffff, Buffer.alloc(32)) ^ 0xffffffff) >>> 0).toBe(0x8a9136aa);
    expect((crc32c(0xffffffff, Buffer.alloc(32, 0xff)) ^ 0xffffffff) >>> 0).toBe(0x62a8ab43);
  });

  it('gives the same for pieces of any length as for the whole', () => {
    const bytes = Buffer.from(Array.from({ length: 100 }, (_, index) => (index * 37) & 0xff));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const inPieces = crc32c(crc32c(0xffffffff, bytes, 0, cut), bytes, cut);
      expect(inPieces).toBe(crc32c(0xffffffff, bytes));
    }
  });

  it('adds numbers little-endian', () => {
    expect(crc32cOfNumber(7, 0x04030201)).toBe(crc32c(7, Buffer.from([1, 2, 3, 4])));
  });
});
