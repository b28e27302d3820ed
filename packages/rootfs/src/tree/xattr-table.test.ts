import { describe, expect, it } from 'vitest';
import { XattrTable } from './xattr-table.js';

describe('sets of attributes', () => {
  it('come back byte by byte, in their order', () => {
    const table = new XattrTable();
    const sets = [
      new Map([['user.a', Buffer.from([0, 255, 128, 10])]]),
      new Map([
        ['user.\xff', new Uint8Array(0)],
        ['security.capability', Uint8Array.from({ length: 4000 }, (_, at) => at % 256)],
      ]),
      new Map<string, Uint8Array>(),
    ];
    const numbers = sets.map((set) => table.add(set));
    for (const [index, set] of sets.entries()) {
      const found = table.get(numbers[index]!);
      expect([...found.keys()]).toEqual([...set.keys()]);
      for (const [name, value] of set) expect(Buffer.from(found.get(name)!).equals(Buffer.from(value))).toBe(true);
    }
  });

  it('are kept once when they are the same object', () => {
    const table = new XattrTable();
    const set = new Map([['user.a', Buffer.from('x')]]);
    expect(table.add(set)).toBe(table.add(set));
    expect(table.add(new Map(set))).not.toBe(table.add(set));
  });

  it('take little more than their bytes', () => {
    const table = new XattrTable();
    for (let at = 0; at < 60_000; at++) table.add(new Map([['user.a', Buffer.from(`${at}`)]]));
    expect(table.bytes).toBeLessThan(60_000 * 50);
  });
});
