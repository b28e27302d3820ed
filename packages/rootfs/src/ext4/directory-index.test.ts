import { describe, expect, it } from 'vitest';
import { FileTree } from '../tree/file-tree.js';
import { DEFAULT_DIRECTORY_METADATA } from '../tree/image-node.js';
import { directoryHash } from './directory-hash.js';
import { buildIndexedDirectory } from './directory-index.js';

const SEED = [1, 2, 3, 4] as const;

/** The blocks of a directory of so many names. */
function buildBlocks(texts: readonly string[]): Buffer[] {
  const { nodes, names, root } = new FileTree();
  const node = nodes.create('file', DEFAULT_DIRECTORY_METADATA);
  for (const text of texts) names.add(root, text, node);
  const context = { nodes, names, directory: root, inodeSeed: 7, hashSeed: SEED };
  const { count, fill } = buildIndexedDirectory(context, texts.length);
  return Array.from({ length: count }, (_, number) => {
    const block = Buffer.alloc(4096);
    fill(number, block);
    return block;
  });
}

/** Hash and block of each entry of an index block. */
function readIndex(block: Buffer, at: number): { hash: number; block: number }[] {
  const count = block.readUInt16LE(at + 2);
  return Array.from({ length: count }, (_, index) => ({
    hash: index === 0 ? 0 : block.readUInt32LE(at + index * 8),
    block: block.readUInt32LE(at + index * 8 + 4),
  }));
}

function namesIn(block: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < 4084; at += block.readUInt16LE(at + 4)) {
    names.push(block.toString('latin1', at + 8, at + 8 + block.readUInt8(at + 6)));
  }
  return names;
}

describe('a directory with a hash index', () => {
  it('has each name in the block its hash leads to', () => {
    const names = Array.from({ length: 2000 }, (_, index) => `name-${index}`);
    const blocks = buildBlocks(names);
    const index = readIndex(blocks[0]!, 32);
    for (const name of names) {
      const { major } = directoryHash(name, SEED);
      const place = index.findLast(({ hash }) => hash <= major)!;
      expect(namesIn(blocks[place.block]!)).toContain(name);
    }
  });

  it('takes a second level when one block cannot hold the index', () => {
    const names = Array.from({ length: 9000 }, (_, index) => `${'n'.repeat(240)}-${index}`);
    const blocks = buildBlocks(names);
    expect(blocks[0]!.readUInt8(30)).toBe(1);
    const nodes = readIndex(blocks[0]!, 32);
    const leaves = nodes.flatMap(({ block }) => readIndex(blocks[block]!, 8).map((leaf) => leaf.block));
    expect(leaves).toEqual(Array.from({ length: leaves.length }, (_, index) => 1 + nodes.length + index));
    expect(leaves.flatMap((block) => namesIn(blocks[block]!)).sort()).toEqual([...names].sort());
  });

  it('marks a block that begins with the hash the block before ends with', () => {
    const byHash = new Map<number, string>();
    let pair: [string, string] | undefined;
    const sorted: { name: string; major: number }[] = [];
    for (let index = 0; pair === undefined; index++) {
      const name = `f${index}`;
      const { major } = directoryHash(name, SEED);
      const other = byHash.get(major);
      if (other !== undefined) pair = [other, name];
      byHash.set(major, name);
      sorted.push({ name, major });
    }
    const { major } = directoryHash(pair[0], SEED);
    const below = sorted.filter((file) => file.major < major).sort((a, b) => b.major - a.major);
    const above = sorted.filter((file) => file.major > major).slice(0, 500);
    // With the right number of smaller hashes before them, the two names fall into different blocks.
    const marked = Array.from({ length: 400 }, (_, count) => {
      const names = [...below.slice(0, count).map(({ name }) => name), ...pair!, ...above.map(({ name }) => name)];
      return readIndex(buildBlocks(names)[0]!, 32).filter(({ hash }) => hash % 2 === 1);
    }).find((found) => found.length > 0);
    expect(marked).toEqual([{ hash: major + 1, block: expect.any(Number) }]);
  });
});
