import { invalidLayer } from '../tar/tar-entry.js';
import { FileTree } from '../tree/file-tree.js';
import { type ByteString, DEFAULT_DIRECTORY_METADATA, type FileContent, type NodeId } from '../tree/image-node.js';
import type { NameId } from '../tree/name-table.js';
import { type LayerLimits, limitExceeded, MAX_STEPS, MAX_SYMLINKS } from './layer-limits.js';

/**
 * The file system the layers add up to. Paths resolve as in a chroot: symlinks of parents are followed inside the root, absolute
 * ones from the root, and `..` never leaves it.
 *
 * It also knows which names the current layer made or described: whiteouts only hide what the layers below brought, wherever in the layer they
 * stand.
 */
export class ImageTree {
  readonly files = new FileTree();
  readonly #limits: LayerLimits;
  readonly #onUnlinked: (content: FileContent) => void;
  #layer = 0;
  #hasLowerLayers = false;
  /** Directories that hold nothing of the layers below any more: those the current layer made, and those it emptied. */
  #current = new Set<NodeId>();
  #steps = 0;

  /** @param onUnlinked told about the content of each file whose last name goes away */
  constructor(limits: LayerLimits, onUnlinked: (content: FileContent) => void) {
    this.#limits = limits;
    this.#onUnlinked = onUnlinked;
  }

  /** Everything so far becomes "the layers below". */
  beginLayer(isFirst: boolean): void {
    this.#hasLowerLayers = !isFirst;
    this.#layer++;
    this.#current = new Set();
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

  /**
   * Puts a node under a name. What was there goes away, except the children of a directory that stays one.
   * @param entry whose place it is, for errors
   * @throws BoxliteError `resource_exhausted` for too many names in a directory
   */
  place(parent: NodeId, text: ByteString, node: NodeId, entry: ByteString): void {
    const { nodes, names } = this.files;
    const name = names.find(parent, text);
    if (name === 0) {
      this.#checkRoom(parent, entry);
      names.setLayer(names.add(parent, text, node), this.#layer);
      this.#markCurrent(node);
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
    this.#markCurrent(node);
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

  /** Removes a name, whichever layer it is from. */
  remove(parent: NodeId, text: ByteString): void {
    const { names } = this.files;
    const name = names.find(parent, text);
    if (name === 0) return;
    const node = names.node(name);
    names.remove(name);
    this.#drop(node);
  }

  /** Removes what the layers below have in a directory. */
  makeOpaque(directory: NodeId): void {
    if (this.#hasLowerLayers) this.#removeLower(directory);
  }

  /**
   * Returns whether anything of the current layer is left below. Iterative, children before their parents. A directory is walked once a
   * layer, however many whiteouts name it: what is left of it afterwards, and all that is added to it, is the current layer's.
   */
  #removeLower(top: NodeId): boolean {
    const { nodes, names } = this.files;
    const order: NodeId[] = this.#current.has(top) ? [] : [top];
    for (let index = 0; index < order.length; index++) {
      for (let name = names.first(order[index] as NodeId); name !== 0; name = names.next(name)) {
        const node = names.node(name);
        if (nodes.isDirectory(node) && !this.#current.has(node)) order.push(node);
      }
    }
    for (const directory of order.reverse()) this.#removeLowerNames(directory);
    return names.first(top) !== 0;
  }

  #removeLowerNames(directory: NodeId): void {
    const { nodes, names } = this.files;
    for (let name = names.first(directory); name !== 0; name = names.next(name)) {
      if (this.#isTouched(name)) continue;
      const node = names.node(name);
      if (nodes.isDirectory(node) && names.first(node) !== 0) {
        // It stays for the sake of what the current layer put below it.
        nodes.setMetadata(node, DEFAULT_DIRECTORY_METADATA);
        continue;
      }
      names.remove(name);
      this.#drop(node);
    }
    this.#current.add(directory);
  }

  #walk(path: readonly ByteString[], entry: ByteString, create: boolean): NodeId | undefined {
    const { nodes } = this.files;
    const stack: NodeId[] = [this.files.root];
    const pending = [...path].reverse();
    let followed = 0;
    let steps = 0;
    const { maxDepth } = this.#limits;
    for (let text = pending.pop(); text !== undefined; text = pending.pop()) {
      if (++steps > MAX_STEPS) throw invalidLayer('its path takes too many steps through symlinks', entry, 'name');
      if (++this.#steps > this.#limits.maxPathSteps) throw this.#tooManySteps(entry);
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
        stack.push(this.#makeParent(directory, text, entry));
      } else {
        return undefined;
      }
      if (stack.length - 1 > maxDepth) {
        throw limitExceeded('maxDepth', maxDepth, `it lies more than ${maxDepth} directories deep`, entry);
      }
    }
    return stack[stack.length - 1];
  }

  /** A directory nobody described. */
  #makeParent(directory: NodeId, text: ByteString, entry: ByteString): NodeId {
    const { nodes } = this.files;
    // A path of 4096 bytes names up to 2048 of them.
    if (nodes.count > this.#limits.maxEntries) throw tooManyEntries(this.#limits.maxEntries, entry);
    const made = nodes.create('directory', DEFAULT_DIRECTORY_METADATA);
    this.place(directory, text, made, entry);
    return made;
  }

  #checkRoom(directory: NodeId, entry: ByteString): void {
    const { maxDirectoryEntries } = this.#limits;
    if (this.files.nodes.nameCount(directory) < maxDirectoryEntries) return;
    const reason = `its directory has more than ${maxDirectoryEntries} names`;
    throw limitExceeded('maxDirectoryEntries', maxDirectoryEntries, reason, entry);
  }

  #tooManySteps(entry: ByteString): Error {
    const { maxPathSteps } = this.#limits;
    const reason = `finding the places of all entries takes more than ${maxPathSteps} steps`;
    return limitExceeded('maxPathSteps', maxPathSteps, reason, entry);
  }

  #markCurrent(node: NodeId): void {
    if (this.#hasLowerLayers && this.files.nodes.isDirectory(node)) this.#current.add(node);
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

/** The error of layers with more entries, or files and directories, than is allowed. */
export function tooManyEntries(maxEntries: number, entry?: ByteString): Error {
  return limitExceeded('maxEntries', maxEntries, `the layers have more than ${maxEntries} entries`, entry);
}
