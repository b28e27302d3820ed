import { createHash } from 'node:crypto';
import type { FileTree } from './file-tree.js';
import type { ByteString, NodeId } from './image-node.js';

/**
 * A digest of the shape of a tree: names, kinds, metadata and sizes, not the bytes of files. Names the file system of a disk when the
 * caller has no better name for its content.
 */
export function treeDigest(tree: FileTree): string {
  const { nodes, names } = tree;
  const hash = createHash('sha256');
  const pending: NodeId[] = [tree.root];
  let text = describe('', tree.root);
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    text += 'in\n';
    for (let name = names.first(directory); name !== 0; name = names.next(name)) {
      const node = names.node(name);
      text += describe(names.text(name), node);
      if (nodes.isDirectory(node)) pending.push(node);
      if (text.length > 65_536) {
        hash.update(text, 'latin1');
        text = '';
      }
    }
  }
  return hash.update(text, 'latin1').digest('hex');

  function describe(name: ByteString, node: NodeId): string {
    const kind = nodes.kind(node);
    const { mode, uid, gid, mtime } = nodes.metadata(node);
    const common = `${name.length}:${name} ${kind} ${mode} ${uid} ${gid} ${mtime.seconds}.${mtime.nanoseconds}`;
    if (kind === 'directory') return `${common}\n`;
    const links = nodes.links(node);
    if (kind === 'file') return `${common} ${links} ${nodes.size(node)}\n`;
    return kind === 'symlink' ? `${common} ${links} ${nodes.target(node)}\n` : `${common} ${links}\n`;
  }
}
