import { describe, expect, it } from 'vitest';
import { boxesThatFit, parsePoolOptions } from './pool-options.js';

describe('parsePoolOptions', () => {
  it('tells the options of the pool from those of its boxes', () => {
    const { pool, box } = parsePoolOptions({ image: 'alpine', size: 3, memoryMib: 128 });
    expect(pool).toEqual({ size: 3, concurrency: 2 });
    expect(box).toEqual({ image: 'alpine', memoryMib: 128 });
  });

  it.each([
    [{ size: 0 }, 'size'],
    [{ size: 1.5 }, 'size'],
    [{}, 'size'],
    [{ size: 1, maxMemoryMib: 0 }, 'maxMemoryMib'],
    [{ size: 1, concurrency: 0 }, 'concurrency'],
    [{ size: 1, warmUp: 'true' }, 'warmUp'],
    [{ size: 1, name: 'one' }, 'name'],
    [{ size: 1, detach: true }, 'detach'],
    [null, ''],
  ])('refuses %j, naming the field', (options, field) => {
    expect(() => parsePoolOptions(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: expect.objectContaining({ field }) }),
    );
  });
});

describe('boxesThatFit', () => {
  it.each([
    ['its size where the memory allows it', { size: 4, maxMemoryMib: 1024 }, 4],
    ['fewer where it does not', { size: 4, maxMemoryMib: 700 }, 2],
    ['one at least', { size: 4, maxMemoryMib: 100 }, 1],
    ['none where none is wanted', { size: 0, maxMemoryMib: 1024 }, 0],
    ['what half of the free memory holds by default', { size: 8 }, 2],
  ])('%s', (_, bounds, expected) => {
    expect(boxesThatFit(bounds, 256, 1100)).toBe(expected);
  });
});
