import { expect, it } from 'vitest';
import { decodeRefcount } from './stored-refcounts.js';

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
