import { BoxliteError } from '@boxlite/core';
import { invalidLayer } from '../tar/tar-entry.js';
import { FileTree } from '../tree/file-tree.js';
import { type ByteString, DEFAULT_DIRECTORY_METADATA, type FileContent, type NodeId } from '../tree/image-node.js';
import type { NameId } from '../tree/name-table.js';
import { MAX_DEPTH, MAX_STEPS, MAX_SYMLINKS } from './layer-limits.js';

/**
 * The file system the layers add up to. Paths resolve as in a chroot: symlinks of parents are followed inside the root, absolute
 * ones from the root, and `..` never leaves it.
 *
 * It also knows which names the current layer made or described: whiteouts only hide what the layers below brought, wherever in the layer they
 * stand.
 */
export class ImageTree {
  readonly files = new FileTree();
  readonly #maxNodes: number;
  readonly #onUnlinked: (content: FileContent) => void;
  #layer = 0;
  #hasLowerLayers = false;

  /**
   * @param maxNodes files and directories, those included that nobody described: a path of 4096 bytes names up to 2048
   * @param onUnlinked told about the content of each file whose last name goes away
   */
  constructor(maxNodes: number, onUnlinked: (content: FileContent) => void) {
    this.#maxNodes = maxNodes;
    this.#onUnlinked = onUnlinked;
  }

  /** Everything so far becomes "the layers below". */
  beginLayer(isFirst: boolean): void {
    this.#hasLowerLayers = !isFirst;
    this.#layer++;
  }

  /**
   * The directory a path leads to; missing ones are made, files in the way are replaced.
   * @throws BoxliteError `layer_invalid` for a symlink loop, `resource_exhausted` for too many directories
   */
  makeDirectory(path: readonly ByteString[], entry: ByteString): NodeId {
    return this.#walk(path, entry, true) as NodeId;
  }

  /** The directory a path leads to, or undefined when there is none. */
  findDirectory(path: readonly ByteString[], entry: ByteString): NodeId | undefined {
    return this.#walk(path, entry, false);
  }

  /** Puts a node under a name. What was there goes away, except the children of a directory that stays one. */
  place(parent: NodeId, text: ByteString, node: NodeId): void {
    const { nodes, names } = this.files;
    const name = names.find(parent, text);
    if (name === 0) {
      names.setLayer(names.add(parent, text, node), this.#layer);
      return;
    }
    const old = names.node(name);
    names.setLayer(name, this.#layer);
    if (old === node) return;
    if (nodes.isDirectory(old) && nodes.isDirectory(node)) {
      nodes.setMetadata(old, nodes.metadata(node));
      return;
    }
    this.#drop(old);
    names.setNode(name, node);
  }

  /** Removes what the layers below have under a name. */
  whiteout(parent: NodeId, text: ByteString): void {
    const { nodes, names } = this.files;
    const name = names.find(parent, text);
    if (name === 0 || !this.#hasLowerLayers) return;
    const node = names.node(name);
    const isTouched = this.#isTouched(name);
    if (nodes.isDirectory(node)) {
      const isKept = this.#removeLower(node);
      if (isTouched) return;
      if (isKept) {
        // Only its new content needs it: as if the whiteout had come first and its parents been made for that content.
        nodes.setMetadata(node, DEFAULT_DIRECTORY_METADATA);
        names.setLayer(name, this.#layer);
        return;
      }
    } else if (isTouched) {
      return;
    }
    names.remove(name);
    this.#drop(node);
  }

  /** Removes what the layers below have in a directory. */
  makeOpaque(directory: NodeId): void {
    if (this.#hasLowerLayers) this.#removeLower(directory);
  }

  /** Returns whether anything of the current layer is left below. Iterative, children before their parents. */
  #removeLower(top: NodeId): boolean {
    const { nodes, names } = this.files;
    // Directories below the top by their names, parents first.
    const order: NameId[] = [];
    const listBelow = (directory: NodeId) => {
      for (let name = names.first(directory); name !== 0; name = names.next(name)) {
        if (nodes.isDirectory(names.node(name))) order.push(name);
      }
    };
    listBelow(top);
    for (let index = 0; index < order.length; index++) listBelow(names.node(order[index] as NameId));
    for (const name of order.reverse()) {
      const directory = names.node(name);
      this.#removeLowerFiles(directory);
      if (this.#isTouched(name)) continue;
      if (names.first(directory) === 0) names.remove(name);
      else nodes.setMetadata(directory, DEFAULT_DIRECTORY_METADATA);
    }
    this.#removeLowerFiles(top);
    return names.first(top) !== 0;
  }

  #removeLowerFiles(directory: NodeId): void {
    const { nodes, names } = this.files;
    for (let name = names.first(directory); name !== 0; name = names.next(name)) {
      const node = names.node(name);
      if (nodes.isDirectory(node) || this.#isTouched(name)) continue;
      names.remove(name);
      this.#drop(node);
    }
  }

  #walk(path: readonly ByteString[], entry: ByteString, create: boolean): NodeId | undefined {
    const { nodes } = this.files;
    const stack: NodeId[] = [this.files.root];
    const pending = [...path].reverse();
    let followed = 0;
    let steps = 0;
    for (let text = pending.pop(); text !== undefined; text = pending.pop()) {
      if (++steps > MAX_STEPS) throw invalidLayer('its path takes too many steps through symlinks', entry, 'name');
      if (text === '..') {
        if (stack.length > 1) stack.pop();
        continue;
      }
      const directory = stack[stack.length - 1] as NodeId;
      const child = this.files.child(directory, text);
      const kind = child === undefined ? undefined : nodes.kind(child);
      if (child !== undefined && kind === 'directory') {
        stack.push(child);
      } else if (child !== undefined && kind === 'symlink') {
        if (++followed > MAX_SYMLINKS) throw invalidLayer('its path runs into a loop of symlinks', entry, 'name');
        const target = nodes.target(child);
        const parts = target.split('/').filter((part) => part !== '' && part !== '.');
        if (target.startsWith('/')) stack.length = 1;
        pending.push(...parts.reverse());
      } else if (create) {
        stack.push(this.#makeParent(directory, text));
      } else {
        return undefined;
      }
      if (stack.length > MAX_DEPTH)
        throw invalidLayer(`its path is more than ${MAX_DEPTH} directories deep`, entry, 'name');
    }
    return stack[stack.length - 1];
  }

  /** A directory nobody described. */
  #makeParent(directory: NodeId, text: ByteString): NodeId {
    const { nodes } = this.files;
    if (nodes.count > this.#maxNodes) throw tooManyEntries(this.#maxNodes);
    const made = nodes.create('directory', DEFAULT_DIRECTORY_METADATA);
    this.place(directory, text, made);
    return made;
  }

  #isTouched(name: NameId): boolean {
    return this.#hasLowerLayers && this.files.names.layer(name) === this.#layer;
  }

  /** One name less for a node and, when it was a directory, for all below. */
  #drop(node: NodeId): void {
    const { nodes, names } = this.files;
    const pending: NodeId[] = [node];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (nodes.isDirectory(next)) {
        for (let name = names.first(next); name !== 0; name = names.next(name)) {
          pending.push(names.node(name));
          names.remove(name);
        }
        continue;
      }
      const links = nodes.links(next) - 1;
      nodes.setLinks(next, links);
      if (links === 0 && nodes.kind(next) === 'file') this.#onUnlinked(nodes.content(next));
    }
  }
}

/** The error of layers with more files and directories than is allowed. */
export function tooManyEntries(maxEntries: number): BoxliteError {
  return new BoxliteError('resource_exhausted', `the layers have more than ${maxEntries} entries`, {
    hint: 'use an image with fewer files, or raise maxEntries',
    details: { field: 'maxEntries' },
  });
}
