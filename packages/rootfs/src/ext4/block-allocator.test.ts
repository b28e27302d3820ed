import { describe, expect, it } from 'vitest';
import { BlockAllocator } from './block-allocator.js';

const allocator = () =>
  new BlockAllocator(100, [
    { start: 10, length: 20 },
    { start: 40, length: 60 },
  ]);

describe('block allocator', () => {
  it('hands out ascending runs, each as long as there is room in one piece', () => {
    const blocks = allocator();
    expect(blocks.allocate(5)).toEqual({ start: 10, length: 5, fresh: true });
    expect(blocks.allocate(100)).toEqual({ start: 15, length: 15, fresh: true });
    expect(blocks.allocate(1)).toEqual({ start: 40, length: 1, fresh: true });
    expect(blocks.free).toBe(59);
  });

  it('uses released blocks only when no untouched ones are left, and says so', () => {
    const blocks = allocator();
    const first = blocks.allocate(20);
    blocks.release(first);
    expect(blocks.allocate(60)).toEqual({ start: 40, length: 60, fresh: true });
    expect(blocks.allocate(4)).toEqual({ start: 10, length: 4, fresh: false });
  });

  it('finds room for a table in one piece', () => {
    const blocks = allocator();
    expect(blocks.allocateContiguous(30)).toEqual({ start: 40, length: 30, fresh: true });
    expect(blocks.allocate(1).start).toBe(10);
    expect(() => blocks.allocateContiguous(31)).toThrow(expect.objectContaining({ code: 'resource_exhausted' }));
  });

  it('keeps a bitmap and counts of what is in use', () => {
    const blocks = allocator();
    expect(blocks.countUsed(0, 100)).toBe(20);
    blocks.allocate(3);
    expect(blocks.countUsed(9, 6)).toBe(4);
    expect((blocks.bitmap[1] as number) & 0b11111).toBe(0b11111 & 0xff);
    expect(blocks.bitmap[12] as number).toBe(0xf0);
  });

  it('fails with a hint when the disk is full', () => {
    const blocks = allocator();
    blocks.allocate(20);
    blocks.allocate(60);
    expect(() => blocks.allocate(1)).toThrow(
      expect.objectContaining({ code: 'resource_exhausted', hint: expect.any(String) }),
    );
  });
});
