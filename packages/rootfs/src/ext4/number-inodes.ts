import { createDirectoryNode, type DirectoryNode, type ImageNode } from '../tree/image-node.js';
import { FIRST_INODE, ROOT_INODE } from './format.js';

const LOST_AND_FOUND = 'lost+found';

/** A tree whose nodes have inode numbers. */
export interface NumberedTree {
  /** Every node once, ascending by inode number. The root is first, then come those from {@link FIRST_INODE} on. */
  readonly nodes: readonly ImageNode[];
  /** Inode number of each directory's parent; the root is its own. */
  readonly parents: ReadonlyMap<DirectoryNode, number>;
  /** Highest number in use. */
  readonly lastInode: number;
}

/**
 * Numbers the inodes of a tree in the order in which it was built, and gives the root a `lost+found` if it has none. Iterative:
 * an image may nest directories deeper than a call stack goes.
 */
export function numberInodes(root: DirectoryNode): NumberedTree {
  const lost =
    root.children.get(LOST_AND_FOUND) ?? createDirectoryNode({ ...root.metadata, mode: 0o700, xattrs: undefined });
  root.children.set(LOST_AND_FOUND, lost);
  const nodes: ImageNode[] = [root];
  const parents = new Map<DirectoryNode, number>([[root, ROOT_INODE]]);
  root.inode = ROOT_INODE;
  let next = FIRST_INODE;
  const number = (node: ImageNode, parent: number): void => {
    if (node.inode !== 0) return;
    node.inode = next++;
    nodes.push(node);
    if (node.kind === 'directory') parents.set(node, parent);
  };
  // e2fsck looks for lost+found by name; by convention it is also the first inode.
  number(lost, ROOT_INODE);
  const pending: DirectoryNode[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const child of directory.children.values()) {
      number(child, directory.inode);
      if (child.kind === 'directory') pending.push(child);
    }
  }
  return { nodes, parents, lastInode: next - 1 };
}
