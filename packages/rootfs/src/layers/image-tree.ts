import { invalidLayer } from '../tar/tar-entry.js';
import {
  type ByteString,
  createDirectoryNode,
  DEFAULT_DIRECTORY_METADATA,
  type DirectoryNode,
  type FileContent,
  type ImageNode,
} from '../tree/image-node.js';
import { MAX_DEPTH, MAX_STEPS, MAX_SYMLINKS } from './layer-limits.js';

/**
 * The file system the layers add up to. Paths resolve as in a chroot: symlinks of parents are followed inside the root, absolute
 * ones from the root, and `..` never leaves it.
 *
 * It also knows which names the current layer made: whiteouts only hide what the layers below brought, wherever in the layer they stand.
 */
export class ImageTree {
  readonly root: DirectoryNode = createDirectoryNode();
  readonly #onUnlinked: (content: FileContent) => void;
  /** Names of each directory that the current layer made or described. */
  #touched = new Map<DirectoryNode, Set<ByteString>>();
  #hasLowerLayers = false;

  /** @param onUnlinked told about the content of each file whose last name goes away */
  constructor(onUnlinked: (content: FileContent) => void) {
    this.#onUnlinked = onUnlinked;
  }

  /** Everything so far becomes "the layers below". */
  beginLayer(isFirst: boolean): void {
    this.#hasLowerLayers = !isFirst;
    this.#touched = new Map();
  }

  /**
   * The directory a path leads to; missing ones are made, files in the way are replaced.
   * @throws BoxliteError `layer_invalid` for a symlink loop
   */
  makeDirectory(path: readonly ByteString[], entry: ByteString): DirectoryNode {
    return this.#walk(path, entry, true) as DirectoryNode;
  }

  /** The directory a path leads to, or undefined when there is none. */
  findDirectory(path: readonly ByteString[], entry: ByteString): DirectoryNode | undefined {
    return this.#walk(path, entry, false);
  }

  /** Puts a node under a name. What was there goes away, except the children of a directory that stays one. */
  place(parent: DirectoryNode, name: ByteString, node: ImageNode): void {
    const old = parent.children.get(name);
    this.#touch(parent, name);
    if (old === node) return;
    if (old?.kind === 'directory' && node.kind === 'directory') {
      old.metadata = node.metadata;
      return;
    }
    if (old !== undefined) this.#drop(old);
    parent.children.set(name, node);
  }

  /** Removes what the layers below have under a name. */
  whiteout(parent: DirectoryNode, name: ByteString): void {
    const node = parent.children.get(name);
    if (node === undefined || !this.#hasLowerLayers) return;
    const isTouched = this.#touched.get(parent)?.has(name) === true;
    if (node.kind === 'directory') {
      const isKept = this.#removeLower(node);
      if (isTouched) return;
      if (isKept) {
        // Only its new content needs it: as if the whiteout had come first and its parents been made for that content.
        node.metadata = DEFAULT_DIRECTORY_METADATA;
        this.#touch(parent, name);
        return;
      }
    } else if (isTouched) {
      return;
    }
    parent.children.delete(name);
    this.#drop(node);
  }

  /** Removes what the layers below have in a directory. */
  makeOpaque(directory: DirectoryNode): void {
    if (this.#hasLowerLayers) this.#removeLower(directory);
  }

  /** Returns whether anything of the current layer is left below. Iterative, children before their parents. */
  #removeLower(top: DirectoryNode): boolean {
    const order: { directory: DirectoryNode; parent: DirectoryNode | undefined; name: ByteString }[] = [
      { directory: top, parent: undefined, name: '' },
    ];
    for (let index = 0; index < order.length; index++) {
      const { directory } = order[index] as (typeof order)[number];
      for (const [name, child] of directory.children) {
        if (child.kind === 'directory') order.push({ directory: child, parent: directory, name });
      }
    }
    for (const { directory, parent, name } of order.reverse()) {
      const kept = this.#touched.get(directory);
      for (const [childName, child] of directory.children) {
        if (child.kind === 'directory' || kept?.has(childName) === true) continue;
        directory.children.delete(childName);
        this.#drop(child);
      }
      if (parent === undefined || this.#touched.get(parent)?.has(name) === true) continue;
      if (directory.children.size === 0) parent.children.delete(name);
      else directory.metadata = DEFAULT_DIRECTORY_METADATA;
    }
    return top.children.size > 0;
  }

  #walk(path: readonly ByteString[], entry: ByteString, create: boolean): DirectoryNode | undefined {
    const stack: DirectoryNode[] = [this.root];
    const pending = [...path].reverse();
    let followed = 0;
    let steps = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (++steps > MAX_STEPS) throw invalidLayer('its path takes too many steps through symlinks', entry, 'name');
      if (name === '..') {
        if (stack.length > 1) stack.pop();
        continue;
      }
      const directory = stack[stack.length - 1] as DirectoryNode;
      const child = directory.children.get(name);
      if (child?.kind === 'directory') {
        stack.push(child);
      } else if (child?.kind === 'symlink') {
        if (++followed > MAX_SYMLINKS) throw invalidLayer('its path runs into a loop of symlinks', entry, 'name');
        const parts = child.target.split('/').filter((part) => part !== '' && part !== '.');
        if (child.target.startsWith('/')) stack.length = 1;
        pending.push(...parts.reverse());
      } else if (create) {
        const made = createDirectoryNode();
        this.place(directory, name, made);
        stack.push(made);
      } else {
        return undefined;
      }
      if (stack.length > MAX_DEPTH)
        throw invalidLayer(`its path is more than ${MAX_DEPTH} directories deep`, entry, 'name');
    }
    return stack[stack.length - 1];
  }

  #touch(parent: DirectoryNode, name: ByteString): void {
    if (!this.#hasLowerLayers) return;
    let names = this.#touched.get(parent);
    if (names === undefined) {
      names = new Set();
      this.#touched.set(parent, names);
    }
    names.add(name);
  }

  /** One name less for a node and, when it was a directory, for all below. */
  #drop(node: ImageNode): void {
    const pending: ImageNode[] = [node];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next.kind === 'directory') {
        for (const child of next.children.values()) pending.push(child);
        next.children.clear();
      } else if (--next.links === 0 && next.kind === 'file') {
        this.#onUnlinked(next.content);
      }
    }
  }
}
