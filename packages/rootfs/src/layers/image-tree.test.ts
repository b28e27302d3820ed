import { describe, expect, it, vi } from 'vitest';
import { ImageTree } from './image-tree.js';
import { layerLimitsOf } from './layer-limits.js';

/** A tree of two layers; the upper one has added `count` files to a directory of the lower one. */
function twoLayers(count: number) {
  const tree = new ImageTree(layerLimitsOf({}), () => undefined);
  const { nodes } = tree.files;
  const metadata = nodes.metadata(tree.files.root);
  const add = (path: readonly string[], name: string) =>
    tree.place(tree.makeDirectory(path, name), name, nodes.create('file', metadata), name);
  tree.beginLayer(true);
  add(['d', 'below'], 'old');
  tree.beginLayer(false);
  for (let index = 0; index < count; index++) add(['d'], `${index}`);
  return tree;
}

describe('whiteouts of one directory after the other', () => {
  it('walk each directory once, however many there are', () => {
    const count = 1000;
    const tree = twoLayers(count);
    const { root } = tree.files;
    const directory = tree.findDirectory(['d'], 'd')!;
    const steps = vi.spyOn(tree.files.names, 'next');
    for (let index = 0; index < count; index++) {
      tree.whiteout(root, 'd');
      tree.makeOpaque(directory);
      tree.makeOpaque(root);
    }
    // Walking all files each time would take three million.
    expect(steps.mock.calls.length).toBeLessThan(5 * count);
    steps.mockRestore();
    expect([...tree.files.children(directory)]).toHaveLength(count);
  });

  it('forget it in the next layer', () => {
    const tree = twoLayers(3);
    tree.whiteout(tree.files.root, 'd');
    expect(tree.findDirectory(['d', 'below'], 'd')).toBeUndefined();
    tree.beginLayer(false);
    tree.makeOpaque(tree.files.root);
    expect(tree.files.child(tree.files.root, 'd')).toBeUndefined();
  });

  it('that empty a directory let its parent go as well', () => {
    const tree = twoLayers(0);
    tree.makeOpaque(tree.findDirectory(['d', 'below'], 'd')!);
    expect(tree.findDirectory(['d', 'below'], 'd')).toBeDefined();
    tree.makeOpaque(tree.findDirectory(['d'], 'd')!);
    expect(tree.findDirectory(['d', 'below'], 'd')).toBeUndefined();
    tree.makeOpaque(tree.files.root);
    expect(tree.findDirectory(['d'], 'd')).toBeUndefined();
  });
});

describe('names in a directory', () => {
  it('are counted as they come and go', () => {
    const tree = new ImageTree(layerLimitsOf({ maxDirectoryEntries: 2 }), () => undefined);
    const { nodes, root } = tree.files;
    const place = (name: string) => tree.place(root, name, nodes.create('fifo', nodes.metadata(root)), name);
    tree.beginLayer(true);
    place('a');
    place('b');
    place('b');
    expect(() => place('c')).toThrow(
      expect.objectContaining({
        code: 'resource_exhausted',
        details: { field: 'maxDirectoryEntries', limit: 2, entry: 'c' },
      }),
    );
    tree.beginLayer(false);
    tree.whiteout(root, 'a');
    place('c');
    expect(nodes.nameCount(root)).toBe(2);
  });
});
