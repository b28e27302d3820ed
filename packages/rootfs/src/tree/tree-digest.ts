import { createHash } from 'node:crypto';
import type { ByteString, ImageNode } from './image-node.js';

/**
 * A digest of the shape of a tree: names, kinds, metadata and sizes, not the bytes of files. Names the file system of a disk when the
 * caller has no better name for its content.
 */
export function treeDigest(root: ImageNode): string {
  const hash = createHash('sha256');
  const pending: { name: ByteString; node: ImageNode }[] = [{ name: '', node: root }];
  let text = '';
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { name, node } = next;
    const { mode, uid, gid, mtime } = node.metadata;
    text += `${name.length}:${name} ${node.kind} ${mode} ${uid} ${gid} ${mtime.seconds}.${mtime.nanoseconds} ${node.links}`;
    if (node.kind === 'file') text += ` ${node.content.size}`;
    if (node.kind === 'symlink') text += ` ${node.target}`;
    if (node.kind === 'directory') {
      text += ` ${node.children.size}`;
      for (const [childName, child] of node.children) pending.push({ name: childName, node: child });
    }
    text += '\n';
    if (text.length > 65_536) {
      hash.update(text, 'latin1');
      text = '';
    }
  }
  return hash.update(text, 'latin1').digest('hex');
}
