import { describe, expect, it } from 'vitest';
import { parseProcStat } from './parse-proc-stat.js';
import { parsePsStart } from './parse-ps-start.js';

const after = 'S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 50 0';

describe('/proc/<pid>/stat', () => {
  it('gives state and start time', () => {
    expect(parseProcStat(`42 (node) ${after}`)).toEqual({ state: 'S', startTime: 987654 });
  });

  it('is not fooled by a program that puts parentheses, spaces, newlines or numbers in its name', () => {
    for (const name of ['a b', 'a) S 1 2 3', '(((', ')))', '', ') Z 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 (', 'x\ny']) {
      expect(parseProcStat(`42 (${name}) ${after}\n`)).toEqual({ state: 'S', startTime: 987654 });
    }
  });

  it('gives nothing for a text that is something else', () => {
    for (const text of ['', '42', '42 (node)', '42 (node) S 1 2', `42 (node) 9${after}`, '42 (node) S x'.repeat(30)]) {
      expect(parseProcStat(text)).toBeUndefined();
    }
  });
});

describe('ps on macOS', () => {
  it('gives the start as milliseconds since the epoch', () => {
    expect(parsePsStart('Ss   Tue Nov  5 09:08:07 2024\n')).toBe(Date.UTC(2024, 10, 5, 9, 8, 7));
    expect(parsePsStart('R+   Sun 29 Feb 23:59:59 2024')).toBeUndefined();
  });

  it('says nothing for a zombie or an empty answer', () => {
    expect(parsePsStart('Z    Tue Nov  5 09:08:07 2024')).toBeUndefined();
    expect(parsePsStart('')).toBeUndefined();
  });
});
