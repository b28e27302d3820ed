import { describe, expect, it } from 'vitest';
import { MemoryImage } from '../../test/support/memory-image.js';
import { BlockAllocator } from './block-allocator.js';
import { ContentWriter, contentBlocks } from './content-writer.js';

function writer(blocks = 100) {
  const image = new MemoryImage(blocks);
  return { image, content: new ContentWriter(new BlockAllocator(blocks, [{ start: 1, length: blocks - 1 }]), image) };
}

describe('file content', () => {
  it('ends in zeros, not in bytes of the file before', () => {
    const { image, content } = writer();
    content.write(Buffer.alloc(4000, 'secret'));
    content.end();
    content.write(Buffer.from('short'));
    const { size, extents } = content.end();
    expect([size, extents]).toEqual([5, [{ logical: 0, physical: 2, length: 1 }]]);
    expect(image.blocks(2).equals(Buffer.concat([Buffer.from('short'), Buffer.alloc(4091)]))).toBe(true);
  });

  it('arrives the same in pieces of any size', () => {
    const bytes = Buffer.from(Array.from({ length: 30_000 }, (_, index) => (index * 7) % 251));
    for (const piece of [1, 100, 4095, 4096, 4097, 30_000]) {
      const { image, content } = writer();
      for (let at = 0; at < bytes.length; at += piece) content.write(bytes.subarray(at, at + piece));
      expect(content.end()).toEqual({ size: 30_000, extents: [{ logical: 0, physical: 1, length: 8 }] });
      expect(image.blocks(1, 8).subarray(0, 30_000).equals(bytes)).toBe(true);
    }
  });

  it('has a hole where 64 KiB or more are zero, and written zeros where less are', () => {
    const { image, content } = writer();
    content.write(Buffer.alloc(4096, 1));
    content.write(Buffer.alloc(16 * 4096));
    content.write(Buffer.alloc(4096, 2));
    content.write(Buffer.alloc(15 * 4096));
    content.write(Buffer.alloc(4096, 3));
    content.write(Buffer.alloc(3 * 4096));
    const { size, extents } = content.end();
    expect(size).toBe(37 * 4096);
    expect(extents).toEqual([
      { logical: 0, physical: 1, length: 1 },
      { logical: 17, physical: 2, length: 17 },
    ]);
    expect(image.blocks(3, 15).equals(Buffer.alloc(15 * 4096))).toBe(true);
  });

  it('skips zeros without reading them, from and to any byte', () => {
    const { image, content } = writer();
    content.write(Buffer.from('ab'));
    content.skip(1_000_000);
    content.write(Buffer.from('cd'));
    content.skip(3);
    const { size, extents } = content.end();
    expect(size).toBe(1_000_007);
    expect(contentBlocks(extents)).toBe(2);
    expect(image.blocks(1).equals(Buffer.concat([Buffer.from('ab'), Buffer.alloc(4094)]))).toBe(true);
    const lastBlock = Buffer.alloc(4096);
    lastBlock.write('cd', 1_000_002 % 4096);
    expect(image.blocks(2).equals(lastBlock)).toBe(true);
  });

  it('of zeros alone takes no block', () => {
    const { content } = writer();
    content.write(Buffer.alloc(10_000));
    expect(content.end()).toEqual({ size: 10_000, extents: [] });
  });
});
