import { BoxliteError } from '@boxlite/core';
import { invalidLayer, type TarEntry, type TarSink } from '../tar/tar-entry.js';
import {
  type ByteString,
  createDirectoryNode,
  type DirectoryNode,
  displayName,
  type FileContent,
  type FileNode,
  type ImageNode,
  type NodeMetadata,
} from '../tree/image-node.js';
import { parseEntryPath } from './entry-path.js';
import { ImageTree } from './image-tree.js';
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
  #file: FileNode | undefined;
  #entries = 0;

  /** @param maxEntries entries of all layers together */
  constructor(store: ContentStore, maxEntries: number) {
    this.#store = store;
    this.#maxEntries = maxEntries;
    this.tree = new ImageTree((content) => store.release(content));
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
    if (++this.#entries > this.#maxEntries) {
      throw new BoxliteError('resource_exhausted', `the layers have more than ${this.#maxEntries} entries`, {
        hint: 'use an image with fewer files, or raise maxEntries',
        details: { field: 'maxEntries' },
      });
    }
    const path = parseEntryPath(entry.name, 'name');
    const name = path.pop();
    if (name === undefined) {
      if (entry.type !== 'directory')
        throw invalidLayer('the root of the image must be a directory', entry.name, 'name');
      this.tree.root.metadata = metadataOf(entry);
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
    const node = entry.type === 'hardlink' ? this.#linkTarget(entry, parent, name) : createNode(entry);
    if (entry.type === 'hardlink' && parent.children.get(name) !== node) node.links++;
    this.tree.place(parent, name, node);
    if (node.kind === 'file' && entry.type === 'file') this.#file = node;
  }

  data(bytes: Buffer): void {
    if (this.#file !== undefined) this.#store.write(bytes);
  }

  hole(count: number): void {
    if (this.#file !== undefined) this.#store.skip(count);
  }

  endEntry(): void {
    if (this.#file === undefined) return;
    this.#file.content = this.#store.endFile();
    this.#file = undefined;
  }

  #linkTarget(entry: TarEntry, parent: DirectoryNode, name: ByteString): ImageNode {
    const path = parseEntryPath(entry.linkName, 'linkName', entry.name);
    const targetName = path.pop();
    const directory = targetName === undefined ? undefined : this.tree.findDirectory(path, entry.name);
    const target = targetName === undefined ? this.tree.root : directory?.children.get(targetName);
    const shown = JSON.stringify(displayName(entry.linkName).slice(0, 512));
    if (target === undefined)
      throw invalidLayer(`it is a hard link to ${shown}, which does not exist`, entry.name, 'linkName');
    if (target.kind === 'directory')
      throw invalidLayer(`it is a hard link to the directory ${shown}`, entry.name, 'linkName');
    if (parent.children.get(name)?.kind === 'directory' && isInside(parent.children.get(name), directory)) {
      throw invalidLayer(`it replaces the directory that holds its target ${shown}`, entry.name, 'linkName');
    }
    return target;
  }
}

function isInside(top: ImageNode | undefined, directory: DirectoryNode | undefined): boolean {
  const pending = [top];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next === directory) return true;
    if (next.kind === 'directory') for (const child of next.children.values()) pending.push(child);
  }
  return false;
}

function metadataOf(entry: TarEntry): NodeMetadata {
  const { mode, uid, gid, mtime, xattrs } = entry;
  return { mode, uid, gid, mtime, xattrs };
}

function createNode(entry: TarEntry): ImageNode {
  const metadata = metadataOf(entry);
  const base = { metadata, links: 1, inode: 0 };
  switch (entry.type) {
    case 'directory':
      return createDirectoryNode(metadata);
    case 'symlink':
      if (entry.linkName === '' || entry.linkName.length >= MAX_PATH_BYTES) {
        throw invalidLayer('its target is empty or too long', entry.name, 'linkName');
      }
      return { kind: 'symlink', ...base, metadata: { ...metadata, mode: 0o777 }, target: entry.linkName };
    case 'character-device':
    case 'block-device': {
      const { deviceMajor: major, deviceMinor: minor } = entry;
      if (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR) {
        throw invalidLayer(`device ${major}:${minor} is impossible`, entry.name, 'device');
      }
      return { kind: entry.type, ...base, major, minor };
    }
    case 'fifo':
      return { kind: 'fifo', ...base };
    default:
      return { kind: 'file', ...base, content: { size: 0, extents: [] } };
  }
}
