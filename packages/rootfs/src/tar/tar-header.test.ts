import { describe, expect, it } from 'vitest';
import { readNumber } from './tar-header.js';

const number = (bytes: string | number[], length = 12) => {
  const block = Buffer.alloc(length);
  Buffer.from(bytes as string, 'latin1').copy(block);
  return readNumber(block, 0, length, 'size');
};

describe('numbers of headers', () => {
  it.each([
    ['00000000017\0', 0o17],
    ['      17 \0', 0o17],
    ['\0\0\0', 0],
    ['', 0],
    ['777777777777', 0o777777777777],
    ['17\0garbage', 0o17],
  ])('read octal %j', (text, expected) => {
    expect(number(text)).toBe(expected);
  });

  it('read base 256 of both signs', () => {
    expect(number([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1])).toBe(2 * 2 ** 32 + 1);
    expect(number([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe])).toBe(-2);
  });

  it.each(['8', '12x', '-1', '0x10', '1 2'])('refuse %j', (text) => {
    expect(() => number(text)).toThrow(expect.objectContaining({ code: 'layer_invalid', details: { field: 'size' } }));
  });

  it('refuse numbers beyond what can be counted exactly', () => {
    expect(() => number([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toThrow(
      expect.objectContaining({ code: 'layer_invalid' }),
    );
  });
});
