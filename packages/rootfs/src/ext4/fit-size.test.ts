import { describe, expect, it } from 'vitest';
import { FileTree } from '../tree/file-tree.js';
import { DEFAULT_DIRECTORY_METADATA } from '../tree/image-node.js';
import { countTreeBlocks, type FitNeeds, fitBound, fitSize } from './fit-size.js';
import { baseMetadataBlocks, geometryOf } from './geometry.js';
import { numberInodes } from './number-inodes.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const NOTHING: FitNeeds = { dataBlocks: 0, treeBlocks: 2, lastInode: 11, reachBytes: MIB, minBytes: 0 };
const blocks = (bytes: number) => bytes / 4096;

describe('the size of a disk that fits its image', () => {
  it('is at least 256 MiB, and at least what is asked for', () => {
    expect(fitSize(NOTHING)).toBe(256 * MIB);
    expect(fitSize({ ...NOTHING, minBytes: 10 * GIB })).toBe(10 * GIB);
    expect(fitSize({ ...NOTHING, minBytes: 10 * GIB + 1 })).toBe(10 * GIB + 128 * MIB);
  });

  it.each([100, 170, 180, 290, 300, 1000, 5000])(
    'has a tenth and 64 MiB more than a content of %i MiB, in whole groups of 128 MiB',
    (mib) => {
      const data = mib * MIB;
      const size = fitSize({ ...NOTHING, dataBlocks: blocks(data), reachBytes: data + MIB });
      const wanted = data * 1.1 + 64 * MIB;
      expect(size).toBeGreaterThanOrEqual(wanted);
      expect(size).toBeLessThan(Math.max(257 * MIB, wanted + 130 * MIB));
      expect(size % (128 * MIB)).toBe(0);
    },
  );

  it('counts files without data, and inodes', () => {
    const size = fitSize({ ...NOTHING, treeBlocks: 1_000_000, lastInode: 1_000_000 });
    expect(size).toBeGreaterThan(1_000_000 * (4096 + 256) * 1.1);
  });

  it('reaches beyond the last block that is written, with room for what describes the files', () => {
    const size = fitSize({ ...NOTHING, reachBytes: 5 * GIB, lastInode: 100_000 });
    expect(size).toBeGreaterThan(5 * GIB + 5 * 16 * MIB + 100_000 * 256);
  });

  it('never moves what the larger bound has fixed: every group keeps its place for descriptors', () => {
    const bound = geometryOf(fitBound(20 * GIB, 0));
    for (const size of [256 * MIB, 384 * MIB, 10 * GIB, 40 * GIB]) {
      const geometry = geometryOf(size);
      for (let group = 0; group < geometry.groupCount; group++) {
        expect(baseMetadataBlocks(geometry, group)).toBe(baseMetadataBlocks(bound, group));
      }
    }
    expect(fitBound(2 ** 50, 0)).toBe(1024 * GIB);
  });
});

describe('the blocks of a tree', () => {
  it('are those of directories, long targets and attributes, and one for each empty file', () => {
    const tree = new FileTree();
    const { nodes, names } = tree;
    const metadata = DEFAULT_DIRECTORY_METADATA;
    const directory = nodes.create('directory', metadata);
    names.add(tree.root, 'directory', directory);
    names.add(tree.root, 'empty', nodes.create('file', metadata));
    names.add(tree.root, 'short', nodes.createSymlink('t', metadata));
    names.add(tree.root, 'long', nodes.createSymlink('t'.repeat(60), metadata));
    const xattrs = new Map([['user.a', new Uint8Array(1)]]);
    names.add(tree.root, 'fifo', nodes.create('fifo', { ...metadata, xattrs }));
    const full = nodes.create('file', metadata);
    nodes.setContent(full, { size: 5, extents: [{ logical: 0, physical: 7, length: 1 }] });
    for (let index = 0; index < 10_000; index++) names.add(directory, `${'n'.repeat(100)}${index}`, full);
    const blocks = countTreeBlocks(numberInodes(tree));
    // The root, lost+found, an empty file, a short and a long symlink, a FIFO with attributes, and the leaves of a directory.
    const small = 1 + 1 + 1 + 1 + 2 + 2;
    expect(blocks).toBeGreaterThan(small + 10_000 / 33);
    expect(blocks).toBeLessThan(small + 10_000 / 25);
  });
});
