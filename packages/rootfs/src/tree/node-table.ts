import type { ByteString, Extent, FileContent, NodeId, NodeKind, NodeMetadata } from './image-node.js';
import { RecordTable } from './record-table.js';
import { TextArena } from './text-arena.js';
import { XattrTable } from './xattr-table.js';

const KINDS: readonly NodeKind[] = ['directory', 'file', 'symlink', 'character-device', 'block-device', 'fifo'];
const KIND_NUMBERS = new Map(KINDS.map((kind, index) => [kind, index]));
const DIRECTORY = 0;

/** Words of a node's row. The last three depend on the kind, see the members that use them. */
const Word = {
  MODE: 0,
  UID: 1,
  GID: 2,
  SECONDS: 3,
  NANOSECONDS: 4,
  LINKS: 5,
  INODE: 6,
  XATTRS: 7,
  FIRST: 8,
  SECOND: 9,
  THIRD: 10,
};
const WORDS = 11;
/** The word MODE holds the permission bits, above them the kind (3 bits), above it the upper half of the seconds. */
const KIND_SHIFT = 12;
const SECONDS_SHIFT = 16;
/** Times as 48-bit seconds: four million years to both sides. */
const MAX_SECONDS = 2 ** 47 - 1;

/** In THIRD of a file, instead of its first block: it has no blocks, or they are in several pieces. */
const NO_BLOCKS = 0xffffffff;
const SEVERAL_PIECES = 0xfffffffe;
const BLOCK_SIZE = 4096;
const MAX_EXTENT_BLOCKS = 32_768;
/** What an extent takes as an object: measured, rounded up. */
const EXTENT_BYTES = 64;

/** The nodes of a tree without their names, 44 bytes each. */
export class NodeTable {
  readonly #rows = new RecordTable(WORDS);
  readonly #xattrs = new XattrTable();
  readonly #pieces = new Map<NodeId, readonly Extent[]>();
  readonly #targets = new TextArena();
  /** Of pieces; those of nodes that are gone count as well. */
  #pieceBytes = 0;

  /** Nodes made so far, those without a name included. */
  get count(): number {
    return this.#rows.length;
  }

  /** Memory of all nodes. */
  get bytes(): number {
    return this.#rows.bytes + this.#targets.bytes + this.#xattrs.bytes + this.#pieceBytes;
  }

  /** A node with one link. A file is empty. */
  create(kind: Exclude<NodeKind, 'symlink'>, metadata: NodeMetadata): NodeId {
    return this.#create(kind, metadata);
  }

  /** @throws BoxliteError `resource_exhausted` for too many bytes of targets */
  createSymlink(target: ByteString, metadata: NodeMetadata): NodeId {
    const node = this.#create('symlink', metadata);
    this.#rows.set(node, Word.FIRST, this.#targets.add(target));
    this.#rows.set(node, Word.SECOND, target.length);
    return node;
  }

  createDevice(
    kind: 'character-device' | 'block-device',
    major: number,
    minor: number,
    metadata: NodeMetadata,
  ): NodeId {
    const node = this.#create(kind, metadata);
    this.#rows.set(node, Word.FIRST, major);
    this.#rows.set(node, Word.SECOND, minor);
    return node;
  }

  kind(node: NodeId): NodeKind {
    return KINDS[(this.#rows.get(node, Word.MODE) >>> KIND_SHIFT) & 7] as NodeKind;
  }

  isDirectory(node: NodeId): boolean {
    return ((this.#rows.get(node, Word.MODE) >>> KIND_SHIFT) & 7) === DIRECTORY;
  }

  metadata(node: NodeId): NodeMetadata {
    const mode = this.#rows.get(node, Word.MODE);
    const xattrs = this.#rows.get(node, Word.XATTRS);
    return {
      mode: mode & 0o7777,
      uid: this.#rows.get(node, Word.UID),
      gid: this.#rows.get(node, Word.GID),
      mtime: {
        seconds: ((mode | 0) >> SECONDS_SHIFT) * 2 ** 32 + this.#rows.get(node, Word.SECONDS),
        nanoseconds: this.#rows.get(node, Word.NANOSECONDS),
      },
      xattrs: xattrs === 0 ? undefined : this.#xattrs.get(xattrs),
    };
  }

  /** Replaces all metadata. */
  setMetadata(node: NodeId, { mode, uid, gid, mtime, xattrs }: NodeMetadata): void {
    const rows = this.#rows;
    const kind = (rows.get(node, Word.MODE) >>> KIND_SHIFT) & 7;
    const seconds = Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, mtime.seconds));
    const upper = Math.floor(seconds / 2 ** 32);
    rows.set(node, Word.MODE, (mode & 0o7777) | (kind << KIND_SHIFT) | (upper << SECONDS_SHIFT));
    rows.set(node, Word.UID, uid);
    rows.set(node, Word.GID, gid);
    rows.set(node, Word.SECONDS, seconds - upper * 2 ** 32);
    rows.set(node, Word.NANOSECONDS, mtime.nanoseconds);
    rows.set(node, Word.XATTRS, xattrs === undefined ? 0 : this.#xattrs.add(xattrs));
  }

  /** Names that lead to a node; of a directory what {@link setLinks} said. */
  links(node: NodeId): number {
    return this.#rows.get(node, Word.LINKS);
  }

  setLinks(node: NodeId, links: number): void {
    this.#rows.set(node, Word.LINKS, links);
  }

  /** Inode number, 0 until the writer has numbered the tree. */
  inode(node: NodeId): number {
    return this.#rows.get(node, Word.INODE);
  }

  setInode(node: NodeId, inode: number): void {
    this.#rows.set(node, Word.INODE, inode);
  }

  /** Target of a symlink. */
  target(node: NodeId): ByteString {
    return this.#targets.get(this.#rows.get(node, Word.FIRST), this.#rows.get(node, Word.SECOND));
  }

  /** Numbers of a device. */
  device(node: NodeId): { readonly major: number; readonly minor: number } {
    return { major: this.#rows.get(node, Word.FIRST), minor: this.#rows.get(node, Word.SECOND) };
  }

  /** Bytes of a file. */
  size(node: NodeId): number {
    return this.#rows.get(node, Word.SECOND) * 2 ** 32 + this.#rows.get(node, Word.FIRST);
  }

  /** Content of a file. */
  content(node: NodeId): FileContent {
    return { size: this.size(node), extents: this.#extents(node) };
  }

  setContent(node: NodeId, { size, extents }: FileContent): void {
    const rows = this.#rows;
    rows.set(node, Word.FIRST, size % 2 ** 32);
    rows.set(node, Word.SECOND, Math.floor(size / 2 ** 32));
    const place = firstBlockOf(extents, size);
    rows.set(node, Word.THIRD, place);
    if (place === SEVERAL_PIECES) {
      this.#pieces.set(node, extents);
      this.#pieceBytes += extents.length * EXTENT_BYTES;
    } else if (this.#pieces.size > 0) this.#pieces.delete(node);
  }

  /** First name in a directory, as the table of names numbers them; 0 for none. */
  firstName(directory: NodeId): number {
    return this.#rows.get(directory, Word.FIRST);
  }

  setFirstName(directory: NodeId, name: number): void {
    this.#rows.set(directory, Word.FIRST, name);
  }

  lastName(directory: NodeId): number {
    return this.#rows.get(directory, Word.SECOND);
  }

  setLastName(directory: NodeId, name: number): void {
    this.#rows.set(directory, Word.SECOND, name);
  }

  /** Names in a directory. Only until the writer numbers the tree: then the place is taken by {@link parentInode}. */
  nameCount(directory: NodeId): number {
    return this.#rows.get(directory, Word.THIRD);
  }

  setNameCount(directory: NodeId, count: number): void {
    this.#rows.set(directory, Word.THIRD, count);
  }

  /** Inode of a directory's parent, once the writer has numbered the tree. */
  parentInode(directory: NodeId): number {
    return this.#rows.get(directory, Word.THIRD);
  }

  setParentInode(directory: NodeId, inode: number): void {
    this.#rows.set(directory, Word.THIRD, inode);
  }

  #create(kind: NodeKind, metadata: NodeMetadata): NodeId {
    const node = this.#rows.add();
    this.#rows.set(node, Word.MODE, (KIND_NUMBERS.get(kind) as number) << KIND_SHIFT);
    this.#rows.set(node, Word.LINKS, 1);
    if (kind === 'file') this.#rows.set(node, Word.THIRD, NO_BLOCKS);
    this.setMetadata(node, metadata);
    return node;
  }

  #extents(node: NodeId): readonly Extent[] {
    const place = this.#rows.get(node, Word.THIRD);
    if (place === NO_BLOCKS) return [];
    if (place === SEVERAL_PIECES) return this.#pieces.get(node) ?? [];
    const blocks = Math.ceil(this.size(node) / BLOCK_SIZE);
    const extents: Extent[] = [];
    for (let logical = 0; logical < blocks; logical += MAX_EXTENT_BLOCKS) {
      const length = Math.min(MAX_EXTENT_BLOCKS, blocks - logical);
      extents.push({ logical, physical: place + logical, length });
    }
    return extents;
  }
}

/** The first block of a file whose blocks all follow it on the disk, as most do. */
function firstBlockOf(extents: readonly Extent[], size: number): number {
  const first = extents[0];
  if (first === undefined) return NO_BLOCKS;
  let next = 0;
  for (const { logical, physical, length } of extents) {
    if (logical !== next || physical !== first.physical + logical) return SEVERAL_PIECES;
    // Only full extents may be followed by another, so that the list can be made again from the size alone.
    if (next % MAX_EXTENT_BLOCKS !== 0) return SEVERAL_PIECES;
    next += length;
  }
  return next === Math.ceil(size / BLOCK_SIZE) ? first.physical : SEVERAL_PIECES;
}
