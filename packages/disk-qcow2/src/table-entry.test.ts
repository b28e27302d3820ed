import { describe, expect, it } from 'vitest';
import { decodeL1Entry, decodeL2Entry } from './table-entry.js';

const words = (entry: bigint): [number, number] => [Number(entry >> 32n), Number(entry & 0xffff_ffffn)];

describe('decodeL1Entry', () => {
  it('reads an offset beyond 4 GiB and the copied bit', () => {
    expect(decodeL1Entry(...words(0x8000_0012_3456_0000n))).toEqual({
      offset: 0x12_3456_0000,
      copied: true,
      reservedBits: false,
    });
  });

  it.each([0x4000_0000_0000_0000n, 0x0100_0000_0000_0000n, 0x100n, 1n])('sees the reserved bit of 0x%x', (entry) => {
    expect(decodeL1Entry(...words(entry)).reservedBits).toBe(true);
  });
});

describe('decodeL2Entry', () => {
  it('tells unallocated, data, zero, and zero with a cluster kept', () => {
    expect(decodeL2Entry(...words(0n), 16)).toEqual({ kind: 'unallocated' });
    expect(decodeL2Entry(...words(0x8000_0000_0000_0000n), 16)).toEqual({ kind: 'unallocated' });
    const data = { kind: 'standard', offset: 0x5_0000, zero: false, copied: true, reservedBits: false };
    expect(decodeL2Entry(...words(0x8000_0000_0005_0000n), 16)).toEqual(data);
    expect(decodeL2Entry(...words(1n), 16)).toEqual({ ...data, offset: 0, zero: true, copied: false });
    expect(decodeL2Entry(...words(0x8000_0000_0005_0001n), 16)).toEqual({ ...data, zero: true });
  });

  it.each([
    [9, 61n],
    [16, 54n],
    [21, 49n],
  ])('reads offset and length of a compressed cluster of 2^%d bytes', (clusterBits, shift) => {
    const entry = (1n << 62n) | (1n << shift) | 0x1_0000_0203n;
    expect(decodeL2Entry(...words(entry), clusterBits)).toEqual({
      kind: 'compressed',
      offset: 0x1_0000_0203,
      bytes: 1024 - 3,
      copied: false,
    });
  });

  it.each([0x2000_0000_0005_0000n, 0x0100_0000_0005_0000n, 0x5_0002n])('sees the reserved bit of 0x%x', (entry) => {
    expect(decodeL2Entry(...words(entry), 16)).toMatchObject({ kind: 'standard', reservedBits: true });
  });
});
