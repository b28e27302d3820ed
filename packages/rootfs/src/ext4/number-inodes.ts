import type { FileTree } from '../tree/file-tree.js';
import type { NodeId } from '../tree/image-node.js';
import { FIRST_INODE, ROOT_INODE } from './format.js';

const LOST_AND_FOUND = 'lost+found';

/** A tree whose nodes have inode numbers. */
export interface NumberedTree {
  readonly tree: FileTree;
  /** Every node but the root once, ascending by inode number from {@link FIRST_INODE} on; the places behind {@link lastInode} are unused. */
  readonly nodes: Uint32Array;
  /** Highest number in use. */
  readonly lastInode: number;
}

/**
 * Numbers the inodes of a tree in the order in which it was built, tells directories their links and their parents, and gives the root a
 * `lost+found` if it has none. Iterative: an image may nest directories deeper than a call stack goes.
 */
export function numberInodes(tree: FileTree): NumberedTree {
  const { nodes, names, root } = tree;
  if (tree.child(root, LOST_AND_FOUND) === undefined) {
    const metadata = { ...nodes.metadata(root), mode: 0o700, xattrs: undefined };
    names.add(root, LOST_AND_FOUND, nodes.create('directory', metadata));
  }
  const order = new Uint32Array(nodes.count);
  let count = 0;
  const number = (node: NodeId): void => {
    if (nodes.inode(node) !== 0) return;
    nodes.setInode(node, FIRST_INODE + count);
    order[count++] = node;
  };
  nodes.setInode(root, ROOT_INODE);
  nodes.setParentInode(root, ROOT_INODE);
  // e2fsck looks for lost+found by name; by convention it is also the first inode.
  number(tree.child(root, LOST_AND_FOUND) as NodeId);
  const pending: NodeId[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    let links = 2;
    for (let name = names.first(directory); name !== 0; name = names.next(name)) {
      const node = names.node(name);
      number(node);
      if (!nodes.isDirectory(node)) continue;
      links++;
      nodes.setParentInode(node, nodes.inode(directory));
      pending.push(node);
    }
    nodes.setLinks(directory, links);
  }
  return { tree, nodes: order, lastInode: FIRST_INODE + count - 1 };
}
