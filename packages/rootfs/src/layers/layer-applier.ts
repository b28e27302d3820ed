import { invalidLayer, type TarEntry, type TarSink } from '../tar/tar-entry.js';
import type { FileTree } from '../tree/file-tree.js';
import { type ByteString, displayName, type FileContent, type NodeId } from '../tree/image-node.js';
import type { Xattrs } from '../tree/xattr-table.js';
import { parseEntryPath } from './entry-path.js';
import { EntryXattrs } from './entry-xattrs.js';
import { ImageTree, tooManyEntries } from './image-tree.js';
import { type HardLink, LateLinks } from './late-links.js';
import { type LayerLimits, limitExceeded, MAX_HARD_LINKS, MAX_TARGET_BYTES } from './layer-limits.js';
import { isBookkeeping, parseWhiteout } from './whiteout.js';

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
  readonly #limits: LayerLimits;
  readonly #xattrs: EntryXattrs;
  readonly #lateLinks = new LateLinks();
  /** Names in the root that the current layer needs but the image does not have. */
  readonly #bookkeeping = new Set<ByteString>();
  /** The file whose bytes come. */
  #file: { readonly node: NodeId; readonly name: ByteString } | undefined;
  #entries = 0;

  /** @param checkXattrs throws a BoxliteError for attributes that cannot be stored */
  constructor(store: ContentStore, limits: LayerLimits, checkXattrs: (xattrs: Xattrs) => void = () => undefined) {
    this.#store = store;
    this.#limits = limits;
    this.#xattrs = new EntryXattrs(limits, checkXattrs);
    this.tree = new ImageTree(limits, (content) => store.release(content));
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
    if (++this.#entries > this.#limits.maxEntries) throw tooManyEntries(this.#limits.maxEntries);
    const path = this.#parsePath(entry.name, 'name', entry.name);
    const name = path.pop();
    if (name === undefined) {
      this.#describeRoot(entry);
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
    const top = path[0] ?? name;
    if (isBookkeeping(top)) this.#bookkeeping.add(top);
    const parent = this.tree.makeDirectory(path, entry.name);
    if (entry.type === 'hardlink') {
      if (!this.#link(parent, name, entry)) this.#lateLinks.add(entry, this.tree.files.child(parent, name));
    } else {
      const node = createNode(this.tree.files, this.#described(entry));
      this.tree.place(parent, name, node, entry.name);
      if (entry.type === 'file') this.#file = { node, name: entry.name };
    }
    this.#checkMemory(entry.name);
  }

  data(bytes: Buffer): void {
    if (this.#file !== undefined) this.#store.write(bytes);
  }

  hole(count: number): void {
    if (this.#file !== undefined) this.#store.skip(count);
  }

  endEntry(): void {
    if (this.#file === undefined) return;
    const { node, name } = this.#file;
    this.tree.files.nodes.setContent(node, this.#store.endFile());
    this.#file = undefined;
    this.#checkMemory(name);
  }

  /**
   * Call it behind the last entry of a layer: makes the hard links that came before their targets, and takes the bookkeeping of aufs out.
   * @throws BoxliteError `layer_invalid` for a hard link to nothing
   */
  endLayer(): void {
    this.#lateLinks.resolve((link, before) => {
      const path = this.#parsePath(link.name, 'name', link.name);
      const name = path.pop() as ByteString;
      const parent = this.tree.makeDirectory(path, link.name);
      // A later entry has taken the name meanwhile.
      if (this.tree.files.child(parent, name) !== before) return true;
      return this.#link(parent, name, link);
    });
    for (const name of this.#bookkeeping) this.tree.remove(this.tree.files.root, name);
    this.#bookkeeping.clear();
  }

  #describeRoot(entry: TarEntry): void {
    if (entry.type !== 'directory') throw invalidLayer('the root of the image must be a directory', entry.name, 'name');
    this.tree.files.nodes.setMetadata(this.tree.files.root, this.#described(entry));
  }

  #described(entry: TarEntry): TarEntry {
    return entry.xattrs === undefined ? entry : { ...entry, xattrs: this.#xattrs.keep(entry) };
  }

  /** Makes a hard link; false when its target does not exist. */
  #link(parent: NodeId, name: ByteString, link: HardLink): boolean {
    const { files } = this.tree;
    const target = this.#findTarget(link);
    if (target === undefined) return false;
    const shown = JSON.stringify(displayName(link.linkName).slice(0, 512));
    if (files.nodes.isDirectory(target.node))
      throw invalidLayer(`it is a hard link to the directory ${shown}`, link.name, 'linkName');
    const replaced = files.child(parent, name);
    if (replaced === target.node) {
      this.tree.place(parent, name, target.node, link.name);
      return true;
    }
    if (replaced !== undefined && isInside(files, replaced, target.directory)) {
      throw invalidLayer(`it replaces the directory that holds its target ${shown}`, link.name, 'linkName');
    }
    const links = files.nodes.links(target.node);
    if (links >= MAX_HARD_LINKS)
      throw invalidLayer(`${shown} has more than ${MAX_HARD_LINKS} names`, link.name, 'linkName');
    files.nodes.setLinks(target.node, links + 1);
    this.tree.place(parent, name, target.node, link.name);
    return true;
  }

  #findTarget(link: HardLink): { readonly node: NodeId; readonly directory: NodeId } | undefined {
    const { files } = this.tree;
    const path = this.#parsePath(link.linkName, 'linkName', link.name);
    const name = path.pop();
    if (name === undefined) return { node: files.root, directory: files.root };
    const directory = this.tree.findDirectory(path, link.name);
    const node = directory === undefined ? undefined : files.child(directory, name);
    return directory === undefined || node === undefined ? undefined : { node, directory };
  }

  #parsePath(path: ByteString, field: 'name' | 'linkName', entry: ByteString): ByteString[] {
    return parseEntryPath(path, field, entry, this.#limits.maxPathBytes);
  }

  #checkMemory(entry: ByteString): void {
    const { maxMetadataBytes } = this.#limits;
    if (this.tree.files.memoryBytes + this.#lateLinks.bytes <= maxMetadataBytes) return;
    const reason = `what is to be remembered of the files takes more than ${maxMetadataBytes} bytes of memory`;
    throw limitExceeded('maxMetadataBytes', maxMetadataBytes, reason, entry);
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
      if (entry.linkName === '' || entry.linkName.length >= MAX_TARGET_BYTES) {
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
