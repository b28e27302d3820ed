import { expect, it } from 'vitest';
import { decodeRefcount, encodeRefcount, maxRefcount } from './refcount-codec.js';

it.each([
  [0, [1, 0, 1, 0, 1, 1, 0, 1]],
  [1, [1, 1, 3, 2, 1, 0, 0, 0]],
  [2, [5, 11, 1, 0, 0, 0, 0, 0]],
  [3, [0xb5, 1, 0, 0, 0, 0, 0, 7]],
  [4, [0xb501, 0, 0, 7]],
  [5, [0xb501_0000, 7]],
  [6, [2 ** 32 - 1]],
])('a refcount block of order %d holds its counts in the order of the specification', (order, counts) => {
  const block = Buffer.from('b501000000000007', 'hex');
  expect(counts.map((_, index) => decodeRefcount(block, index, order))).toEqual(counts);
  expect(decodeRefcount(block, 64, order)).toBe(0);
});

it.each([0, 1, 2, 3, 4, 5, 6])('a count of order %d is written where it is read, and nothing else changes', (order) => {
  const perBlock = 512 / 2 ** order;
  for (const fill of [0, 0xff]) {
    for (const count of [0, 1, maxRefcount(order)]) {
      const block = Buffer.alloc(64, fill);
      const index = Math.floor(perBlock / 3);
      const { at, bytes } = encodeRefcount(block, index, order, count);
      expect(decodeRefcount(block, index, order)).toBe(count);
      const untouched = Buffer.alloc(64, fill);
      for (let other = 0; other < perBlock; other++) {
        if (other !== index) expect(decodeRefcount(block, other, order)).toBe(decodeRefcount(untouched, other, order));
      }
      expect(Buffer.concat([block.subarray(0, at), block.subarray(at + bytes)])).toEqual(
        Buffer.alloc(64 - bytes, fill),
      );
    }
  }
});
