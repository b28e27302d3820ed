import { describe, expect, it } from 'vitest';
import { parseContentRange } from './content-range.js';

describe('a Content-Range header', () => {
  it('gives its start, its end and its total', () => {
    expect(parseContentRange('bytes 5-9/10')).toEqual({ start: 5, end: 9, total: 10 });
    expect(parseContentRange('Bytes 0-0/*')).toEqual({ start: 0, end: 0, total: undefined });
  });

  it.each([
    undefined,
    '',
    'bytes */10',
    'bytes 5-4/10',
    'bytes 5-10/10',
    'items 0-1/2',
    'bytes 1-',
    'bytes -1-2/3',
    `bytes 0-${'9'.repeat(400)}/*`,
  ])('%j makes no sense', (header) => {
    expect(parseContentRange(header)).toBeUndefined();
  });
});
