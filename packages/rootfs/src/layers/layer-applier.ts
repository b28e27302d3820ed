import { invalidLayer, type TarEntry, type TarSink } from '../tar/tar-entry.js';
import type { FileTree } from '../tree/file-tree.js';
import { type ByteString, displayName, type FileContent, type NodeId } from '../tree/image-node.js';
import { parseEntryPath } from './entry-path.js';
import { ImageTree, tooManyEntries } from './image-tree.js';
import { MAX_PATH_BYTES } from './layer-limits.js';
import { parseWhiteout } from './whiteout.js';

/** Device numbers Linux can express. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/** Where file content goes; `Ext4Writer` is one. */
export interface ContentStore {
  write(bytes: Buffer): void;
  skip(count: number): void;
  endFile(): FileContent;
  release(content: FileContent): void;
}

/** Applies the entries of one layer after another to a tree, and their bytes to a store. */
export class LayerApplier implements TarSink {
  readonly tree: ImageTree;
  readonly #store: ContentStore;
  readonly #maxEntries: number;
  /** The file whose bytes come. */
  #file: NodeId | undefined;
  #entries = 0;

  /** @param maxEntries entries of all layers together */
  constructor(store: ContentStore, maxEntries: number) {
    this.#store = store;
    this.#maxEntries = maxEntries;
    this.tree = new ImageTree(maxEntries, (content) => store.release(content));
  }

  /** Entries of all layers so far. */
  get entries(): number {
    return this.#entries;
  }

  beginLayer(): void {
    this.tree.beginLayer(this.#entries === 0);
  }

  /** @throws BoxliteError `layer_escapes`, `layer_invalid`, `resource_exhausted` */
  entry(entry: TarEntry): void {
    if (++this.#entries > this.#maxEntries) throw tooManyEntries(this.#maxEntries);
    const path = parseEntryPath(entry.name, 'name');
    const name = path.pop();
    if (name === undefined) {
      if (entry.type !== 'directory')
        throw invalidLayer('the root of the image must be a directory', entry.name, 'name');
      this.tree.files.nodes.setMetadata(this.tree.files.root, entry);
      return;
    }
    // Whiteouts are empty files; anything else may bear such a name.
    const whiteout = entry.type === 'file' || entry.type === 'hardlink' ? parseWhiteout(name) : undefined;
    if (whiteout !== undefined) {
      const directory = this.tree.findDirectory(path, entry.name);
      if (directory === undefined) return;
      if (whiteout.kind === 'opaque') this.tree.makeOpaque(directory);
      if (whiteout.kind === 'remove') this.tree.whiteout(directory, whiteout.name);
      return;
    }
    const parent = this.tree.makeDirectory(path, entry.name);
    if (entry.type === 'hardlink') {
      this.#link(parent, name, this.#linkTarget(entry, parent, name));
      return;
    }
    const node = createNode(this.tree.files, entry);
    this.tree.place(parent, name, node);
    if (entry.type === 'file') this.#file = node;
  }

  data(bytes: Buffer): void {
    if (this.#file !== undefined) this.#store.write(bytes);
  }

  hole(count: number): void {
    if (this.#file !== undefined) this.#store.skip(count);
  }

  endEntry(): void {
    if (this.#file === undefined) return;
    this.tree.files.nodes.setContent(this.#file, this.#store.endFile());
    this.#file = undefined;
  }

  #link(parent: NodeId, name: ByteString, node: NodeId): void {
    const { files } = this.tree;
    if (files.child(parent, name) !== node) files.nodes.setLinks(node, files.nodes.links(node) + 1);
    this.tree.place(parent, name, node);
  }

  #linkTarget(entry: TarEntry, parent: NodeId, name: ByteString): NodeId {
    const { files } = this.tree;
    const path = parseEntryPath(entry.linkName, 'linkName', entry.name);
    const targetName = path.pop();
    const directory = targetName === undefined ? undefined : this.tree.findDirectory(path, entry.name);
    let target: NodeId | undefined = files.root;
    if (targetName !== undefined) target = directory === undefined ? undefined : files.child(directory, targetName);
    const shown = JSON.stringify(displayName(entry.linkName).slice(0, 512));
    if (target === undefined)
      throw invalidLayer(`it is a hard link to ${shown}, which does not exist`, entry.name, 'linkName');
    if (files.nodes.isDirectory(target))
      throw invalidLayer(`it is a hard link to the directory ${shown}`, entry.name, 'linkName');
    const replaced = files.child(parent, name);
    if (replaced !== undefined && directory !== undefined && isInside(files, replaced, directory)) {
      throw invalidLayer(`it replaces the directory that holds its target ${shown}`, entry.name, 'linkName');
    }
    return target;
  }
}

function isInside({ nodes, names }: FileTree, top: NodeId, directory: NodeId): boolean {
  const pending = [top];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next === directory) return true;
    if (!nodes.isDirectory(next)) continue;
    for (let name = names.first(next); name !== 0; name = names.next(name)) pending.push(names.node(name));
  }
  return false;
}

function createNode({ nodes }: FileTree, entry: TarEntry): NodeId {
  switch (entry.type) {
    case 'symlink':
      if (entry.linkName === '' || entry.linkName.length >= MAX_PATH_BYTES) {
        throw invalidLayer('its target is empty or too long', entry.name, 'linkName');
      }
      return nodes.createSymlink(entry.linkName, { ...entry, mode: 0o777 });
    case 'character-device':
    case 'block-device': {
      const { deviceMajor: major, deviceMinor: minor } = entry;
      if (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR) {
        throw invalidLayer(`device ${major}:${minor} is impossible`, entry.name, 'device');
      }
      return nodes.createDevice(entry.type, major, minor, entry);
    }
    case 'directory':
    case 'fifo':
      return nodes.create(entry.type, entry);
    default:
      return nodes.create('file', entry);
  }
}
