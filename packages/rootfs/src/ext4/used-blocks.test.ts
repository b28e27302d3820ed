import { describe, expect, it } from 'vitest';
import { MemoryImage } from '../../test/support/memory-image.js';
import { BlockAllocator } from './block-allocator.js';
import { geometryOf } from './geometry.js';
import { deriveIdentity } from './identity.js';
import { InodeTables } from './inode-tables.js';
import { placeJournal } from './journal-inode.js';

/** An allocator whose blocks all held data of files that are gone. */
function usedAllocator(blocks: number): BlockAllocator {
  const allocator = new BlockAllocator(blocks, [{ start: 0, length: blocks }]);
  allocator.release(allocator.allocate(blocks));
  return allocator;
}

describe('metadata in blocks that held file data before', () => {
  it('has inode tables without anything that looks like an inode', () => {
    const geometry = geometryOf(4 * 1024 ** 2);
    const image = new MemoryImage(geometry.blockCount);
    const tables = new InodeTables(geometry, 256, usedAllocator(geometry.blockCount), image);
    tables.finish(0);
    const { start, length } = tables.tables[0]!;
    expect(image.blocks(start, length).equals(Buffer.alloc(length * 4096))).toBe(true);
  });

  it('has a journal without anything that looks like a transaction', () => {
    const geometry = geometryOf(16 * 1024 ** 2);
    const image = new MemoryImage(geometry.blockCount);
    placeJournal(geometry, deriveIdentity('test'), usedAllocator(geometry.blockCount), image);
    expect(image.bytes.readUInt32BE(0)).toBe(0xc03b3998);
    expect(image.blocks(1, 1023).equals(Buffer.alloc(1023 * 4096))).toBe(true);
  });
});
