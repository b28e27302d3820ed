import { type ByteString, DEFAULT_DIRECTORY_METADATA, type NodeId } from './image-node.js';
import { NameTable } from './name-table.js';
import { NodeTable } from './node-table.js';

/**
 * The tree that becomes an image: nodes, and the names that lead to them. About 100 bytes a file, outside of JavaScript's heap, so that images of
 * millions of files fit into memory.
 */
export class FileTree {
  readonly nodes = new NodeTable();
  readonly names = new NameTable(this.nodes);
  readonly root: NodeId = this.nodes.create('directory', DEFAULT_DIRECTORY_METADATA);

  /** Memory the tree takes, in pieces of some hundred KiB. What was removed counts as well. */
  get memoryBytes(): number {
    return this.nodes.bytes + this.names.bytes;
  }

  /** The node under a name in a directory, undefined when there is none. */
  child(directory: NodeId, text: ByteString): NodeId | undefined {
    const name = this.names.find(directory, text);
    return name === 0 ? undefined : this.names.node(name);
  }

  /** The names in a directory in the order they came, each with its node. Names may be removed on the way. */
  *children(directory: NodeId): Generator<readonly [text: ByteString, node: NodeId], void, undefined> {
    for (let name = this.names.first(directory); name !== 0; ) {
      const next = this.names.next(name);
      yield [this.names.text(name), this.names.node(name)];
      name = next;
    }
  }
}
