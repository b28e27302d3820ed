import { expect, it } from 'vitest';
import { DataMap, parseDataMap } from './data-map.js';

it('a data map tells holes from data, for as far as they go', () => {
  const map = new DataMap([
    [100, 200],
    [200, 300],
    [1000, 1001],
  ]);
  expect(map.at(0, 50)).toEqual({ isData: false, length: 50 });
  expect(map.at(0, 500)).toEqual({ isData: false, length: 100 });
  expect(map.at(100, 500)).toEqual({ isData: true, length: 100 });
  expect(map.at(250, 500)).toEqual({ isData: true, length: 50 });
  expect(map.at(300, 10_000)).toEqual({ isData: false, length: 700 });
  expect(map.at(1000, 10_000)).toEqual({ isData: true, length: 1 });
  expect(map.at(1001, 10_000)).toEqual({ isData: false, length: 10_000 });
  expect(new DataMap([]).at(5, 7)).toEqual({ isData: false, length: 7 });
});

it('output that makes no sense is no map: half a record, parts that overlap, end before they begin, or are larger than any file', () => {
  const output = (...numbers: bigint[]) => {
    const bytes = Buffer.alloc(numbers.length * 8);
    numbers.forEach((number, index) => void bytes.writeBigUInt64LE(number, index * 8));
    return bytes;
  };
  expect(parseDataMap(output(0n, 4096n, 8192n, 12_288n))?.at(4096, 9999)).toEqual({ isData: false, length: 4096 });
  expect(parseDataMap(Buffer.alloc(0))?.at(0, 9)).toEqual({ isData: false, length: 9 });
  for (const wrong of [
    output(0n),
    output(0n, 10n, 5n, 20n),
    output(10n, 10n),
    output(0n, 2n ** 63n),
    Buffer.alloc(17),
  ]) {
    expect(parseDataMap(wrong)).toBeUndefined();
  }
});
