import { describe, expect, it } from 'vitest';
import { FileTree } from './file-tree.js';
import { DEFAULT_DIRECTORY_METADATA, type NodeMetadata } from './image-node.js';

const METADATA: NodeMetadata = {
  mode: 0o4755,
  uid: 4_294_967_295,
  gid: 70_000,
  mtime: { seconds: 1_700_000_000, nanoseconds: 999_999_999 },
  xattrs: new Map([['user.a', Buffer.from('value')]]),
};

describe('nodes', () => {
  it('keep their metadata, whatever the time', () => {
    const { nodes } = new FileTree();
    for (const seconds of [0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 40 + 5, -(2 ** 46), 1e12]) {
      const metadata = { ...METADATA, mtime: { seconds, nanoseconds: 7 } };
      expect(nodes.metadata(nodes.create('file', metadata))).toEqual(metadata);
    }
    const far = nodes.create('fifo', { ...METADATA, mtime: { seconds: Number.MAX_SAFE_INTEGER, nanoseconds: 0 } });
    expect(nodes.metadata(far).mtime.seconds).toBe(2 ** 47 - 1);
    expect(nodes.kind(far)).toBe('fifo');
  });

  it('may be described again, and lose their attributes then', () => {
    const { nodes, root } = new FileTree();
    nodes.setMetadata(root, METADATA);
    expect(nodes.metadata(root)).toEqual(METADATA);
    nodes.setMetadata(root, DEFAULT_DIRECTORY_METADATA);
    expect(nodes.metadata(root)).toEqual(DEFAULT_DIRECTORY_METADATA);
    expect(nodes.kind(root)).toBe('directory');
  });

  it('keep link targets and device numbers', () => {
    const { nodes } = new FileTree();
    const targets = ['a', '/b/c', 'x'.repeat(4095)];
    const links = targets.map((target) => nodes.createSymlink(target, METADATA));
    expect(links.map((node) => nodes.target(node))).toEqual(targets);
    expect(nodes.device(nodes.createDevice('block-device', 4095, 0xfffff, METADATA))).toEqual({
      major: 4095,
      minor: 0xfffff,
    });
  });

  it.each([
    ['nothing', { size: 0, extents: [] }],
    ['a hole alone', { size: 10 ** 13, extents: [] }],
    ['one block', { size: 1, extents: [{ logical: 0, physical: 4_000_000_000, length: 1 }] }],
    ['a hole at the start', { size: 8192, extents: [{ logical: 1, physical: 5, length: 1 }] }],
    ['a hole at the end', { size: 100_000, extents: [{ logical: 0, physical: 5, length: 1 }] }],
    [
      'two pieces',
      {
        size: 8192,
        extents: [
          { logical: 0, physical: 5, length: 1 },
          { logical: 1, physical: 9, length: 1 },
        ],
      },
    ],
    [
      'more blocks than one extent has',
      {
        size: 40_000 * 4096,
        extents: [
          { logical: 0, physical: 5, length: 32_768 },
          { logical: 32_768, physical: 32_773, length: 7232 },
        ],
      },
    ],
    [
      'pieces that follow each other by chance',
      {
        size: 3 * 4096,
        extents: [
          { logical: 0, physical: 5, length: 1 },
          { logical: 1, physical: 6, length: 2 },
        ],
      },
    ],
  ])('keep the content of a file of %s', (_, content) => {
    const { nodes } = new FileTree();
    const node = nodes.create('file', METADATA);
    expect(nodes.content(node)).toEqual({ size: 0, extents: [] });
    nodes.setContent(node, { size: 8192, extents: [{ logical: 1, physical: 77, length: 1 }] });
    nodes.setContent(node, content);
    expect(nodes.content(node)).toEqual(content);
  });
});

describe('names', () => {
  it('are found in their directory alone, and listed in the order they came', () => {
    const tree = new FileTree();
    const { nodes, names, root } = tree;
    const other = nodes.create('directory', METADATA);
    const file = nodes.create('file', METADATA);
    names.add(root, 'other', other);
    for (const text of ['b', 'a', '\u00ff\u00fe', 'n'.repeat(255)]) names.add(other, text, file);
    expect(tree.child(root, 'a')).toBeUndefined();
    expect(tree.child(other, 'n'.repeat(255))).toBe(file);
    expect(tree.child(other, 'n'.repeat(254))).toBeUndefined();
    expect([...tree.children(other)].map(([text]) => text)).toEqual(['b', 'a', '\u00ff\u00fe', 'n'.repeat(255)]);
  });

  it('may be removed first, last and in the middle, also while they are listed, and come back at the end', () => {
    const tree = new FileTree();
    const { names, root } = tree;
    for (const text of ['1', '2', '3', '4', '5']) names.add(root, text, root);
    for (const text of ['1', '3', '5']) names.remove(names.find(root, text));
    names.add(root, '3', root);
    expect([...tree.children(root)].map(([text]) => text)).toEqual(['2', '4', '3']);
    for (const [text] of tree.children(root)) names.remove(names.find(root, text));
    expect([...tree.children(root)]).toEqual([]);
    expect(names.find(root, '2')).toBe(0);
    names.add(root, 'again', root);
    expect([...tree.children(root)]).toEqual([['again', root]]);
  });

  it('say which layer touched them last', () => {
    const { names, root } = new FileTree();
    const name = names.add(root, 'x'.repeat(255), root);
    names.setLayer(name, 1000);
    expect([names.layer(name), names.length(name)]).toEqual([1000, 255]);
  });

  it('of a hundred thousand files take about a hundred bytes each, and are all found', () => {
    const tree = new FileTree();
    const { nodes, names, root } = tree;
    const text = (index: number) => `a-name-of-usual-length-${index}`;
    for (let index = 0; index < 100_000; index++)
      names.add(root, text(index), nodes.create('file', { ...METADATA, xattrs: undefined }));
    for (let index = 0; index < 100_000; index += 2) names.remove(names.find(root, text(index)));
    for (let index = 0; index < 100_000; index++) expect(names.find(root, text(index)) === 0).toBe(index % 2 === 0);
    expect(tree.memoryBytes).toBeLessThan(12_000_000);
  });
});
