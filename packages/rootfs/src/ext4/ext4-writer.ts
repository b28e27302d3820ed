import type { FileTree } from '../tree/file-tree.js';
import type { FileContent, NodeId } from '../tree/image-node.js';
import { BlockAllocator } from './block-allocator.js';
import { ContentWriter } from './content-writer.js';
import { countTreeBlocks, fitBound, fitSize } from './fit-size.js';
import {
  BLOCK_SIZE,
  BLOCKS_PER_GROUP,
  FIRST_INODE,
  FileType,
  JOURNAL_INODE,
  RESIZE_INODE,
  ROOT_INODE,
  SECTORS_PER_BLOCK,
} from './format.js';
import { freeRunsOf, type Geometry, geometryOf, hasSuperblock } from './geometry.js';
import { buildGroupTable } from './group-table.js';
import { deriveIdentity, type FileSystemIdentity } from './identity.js';
import { ImageFile } from './image-file.js';
import { type InodeFields, inodeChecksumSeed } from './inode-record.js';
import { InodeTables, inodesPerGroup } from './inode-tables.js';
import { type JournalInode, placeJournal } from './journal-inode.js';
import { buildNodeInode } from './node-inode.js';
import { type NumberedTree, numberInodes } from './number-inodes.js';
import { buildResizeInode, type ResizeInode } from './resize-inode.js';
import { buildSuperblock, SUPERBLOCK_OFFSET } from './superblock.js';

/** How an image is made. */
export interface Ext4WriterOptions {
  /** Size of the image in bytes, a multiple of 4096, or how to choose it when the content is known. */
  readonly sizeBytes: number | FitOptions;
  /** With a journal (for disks that are written to). */
  readonly journal: boolean;
  /** Volume label, at most 16 bytes. */
  readonly label?: string;
}

/** Bounds of a size that follows from the content, see {@link fitSize}. */
export interface FitOptions {
  readonly minBytes: number;
  /** Most uncompressed bytes the layers may have: the disk is at most about twice as large. */
  readonly maxBytes: number;
}

/** 16 MiB: a disk that is made small is grown before a guest uses it, but its journal is not. */
const MIN_FIT_JOURNAL_BLOCKS = 4096;

/** Between how many inodes to wait for the disk. */
const DRAIN_INTERVAL = 512;

/**
 * Writes an ext4 image front to back: file data as it comes, all metadata at the end. Holds the shape of the tree in memory, never its
 * bytes. Call {@link finish} or {@link discard}.
 */
export class Ext4Writer {
  readonly #options: Ext4WriterOptions;
  #geometry: Geometry;
  readonly #allocator: BlockAllocator;
  /** Free blocks of the empty disk. */
  readonly #initiallyFree: number;
  readonly #file: ImageFile;
  readonly #content: ContentWriter;

  private constructor(options: Ext4WriterOptions, geometry: Geometry, file: ImageFile) {
    this.#options = options;
    this.#geometry = geometry;
    this.#file = file;
    this.#allocator = new BlockAllocator(geometry.blockCount, freeRunsOf(geometry));
    this.#initiallyFree = this.#allocator.free;
    this.#content = new ContentWriter(this.#allocator, file);
  }

  /**
   * @param path of the image; must not exist
   * @throws BoxliteError `invalid_argument` (size, label), `storage_error`, `disk_full`
   */
  static async create(path: string, options: Ext4WriterOptions): Promise<Ext4Writer> {
    deriveIdentity('', options.label);
    const { sizeBytes } = options;
    if (typeof sizeBytes === 'number') {
      return new Ext4Writer(options, geometryOf(sizeBytes), await ImageFile.create(path, sizeBytes));
    }
    const bound = geometryOf(fitBound(sizeBytes.maxBytes, sizeBytes.minBytes));
    return new Ext4Writer(options, bound, await ImageFile.create(path, 0));
  }

  /** Appends bytes to the current file. @throws BoxliteError `resource_exhausted` when the disk is full */
  write(bytes: Buffer): void {
    this.#content.write(bytes);
  }

  /** Appends zeros to the current file, as a hole where possible. */
  skip(count: number): void {
    this.#content.skip(count);
  }

  /** Ends the current file; the next `write` begins another. */
  endFile(): FileContent {
    return this.#content.end();
  }

  /** Frees the blocks of a file that is not part of the image after all. */
  release(content: FileContent): void {
    for (const extent of content.extents) {
      this.#allocator.release({ start: extent.physical, length: extent.length });
    }
  }

  /** Waits for the disk when it is behind. Call it between pieces of input. */
  drain(): Promise<void> {
    return this.#file.drain();
  }

  /** Closes and removes the image. */
  discard(): Promise<void> {
    return this.#file.discard();
  }

  /**
   * Writes all metadata, makes the image durable and closes it.
   * @param files the finished tree; its nodes are numbered here
   * @param identitySource any text that names the content; the file system's UUID comes from it
   * @returns size of the image, and bytes in use inside it
   */
  async finish(files: FileTree, identitySource: string): Promise<{ sizeBytes: number; usedBytes: number }> {
    const identity = deriveIdentity(identitySource, this.#options.label);
    const tree = numberInodes(files);
    const sizeBytes = this.#settleSize(tree);
    const perGroup = inodesPerGroup(this.#geometry, tree.lastInode);
    const bitmaps = Array.from({ length: this.#geometry.groupCount }, () => ({
      blockBitmap: this.#allocator.allocate(1).start,
      inodeBitmap: this.#allocator.allocate(1).start,
    }));
    const tables = new InodeTables(this.#geometry, perGroup, this.#allocator, this.#file);
    const journal = this.#options.journal
      ? placeJournal(this.#geometry, identity, this.#allocator, this.#file, this.#minJournalBlocks)
      : undefined;
    const resize = this.#placeResizeInode();
    await this.#writeInodes(tree, tables, identity, journal, resize);

    const groupTable = buildGroupTable({
      geometry: this.#geometry,
      allocator: this.#allocator,
      sink: this.#file,
      checksumSeed: identity.checksumSeed,
      placements: bitmaps.map((bitmap, group) => ({ ...bitmap, inodeTable: tables.tables[group]?.start ?? 0 })),
      inodesPerGroup: perGroup,
      lastInode: tree.lastInode,
      directories: directoriesByGroup(tree, perGroup),
    });
    const fields = {
      geometry: this.#geometry,
      identity,
      inodesPerGroup: perGroup,
      freeBlocks: this.#allocator.free,
      freeInodes: perGroup * this.#geometry.groupCount - tree.lastInode,
      journal,
    };
    for (let group = 0; group < this.#geometry.groupCount; group++) {
      if (!hasSuperblock(group)) continue;
      const start = group * BLOCKS_PER_GROUP * BLOCK_SIZE;
      this.#file.put(start + (group === 0 ? SUPERBLOCK_OFFSET : 0), buildSuperblock(fields, group));
      this.#file.put(start + BLOCK_SIZE, groupTable);
    }
    await this.#file.finish(sizeBytes);
    return { sizeBytes, usedBytes: (this.#geometry.blockCount - this.#allocator.free) * BLOCK_SIZE };
  }

  get #minJournalBlocks(): number {
    return typeof this.#options.sizeBytes === 'number' ? 0 : MIN_FIT_JOURNAL_BLOCKS;
  }

  /** Chooses the size if it is not given, and gives up the blocks beyond it. All metadata comes afterwards. */
  #settleSize(tree: NumberedTree): number {
    const { sizeBytes } = this.#options;
    if (typeof sizeBytes === 'number') return sizeBytes;
    const chosen = fitSize({
      dataBlocks: this.#initiallyFree - this.#allocator.free,
      treeBlocks: countTreeBlocks(tree),
      lastInode: tree.lastInode,
      reachBytes: this.#allocator.reach * BLOCK_SIZE,
      minBytes: sizeBytes.minBytes,
    });
    const settled = Math.min(chosen, this.#geometry.blockCount * BLOCK_SIZE);
    this.#geometry = geometryOf(settled);
    this.#allocator.shrink(this.#geometry.blockCount);
    return settled;
  }

  async #writeInodes(
    tree: NumberedTree,
    tables: InodeTables,
    identity: FileSystemIdentity,
    journal: JournalInode | undefined,
    resize: ResizeInode | undefined,
  ): Promise<void> {
    const context = { tree: tree.tree, allocator: this.#allocator, sink: this.#file, identity };
    const add = (inode: number, build: (seed: number) => InodeFields) => {
      const seed = inodeChecksumSeed(identity.checksumSeed, inode);
      tables.add(inode, build(seed), seed);
    };
    // Ascending: the root is number 2, and the two special inodes lie between it and all others.
    add(ROOT_INODE, (seed) => buildNodeInode(tree.tree.root, seed, context));
    if (resize !== undefined) add(RESIZE_INODE, () => specialInode({ flags: 0, ...resize }));
    if (journal !== undefined) add(JOURNAL_INODE, () => specialInode(journal));
    for (let inode = FIRST_INODE; inode <= tree.lastInode; inode++) {
      const node = tree.nodes[inode - FIRST_INODE] as NodeId;
      add(inode, (seed) => buildNodeInode(node, seed, context));
      if (inode % DRAIN_INTERVAL === 0) await this.#file.drain();
    }
    tables.finish(tree.lastInode);
    await this.#file.drain();
  }

  #placeResizeInode(): ResizeInode | undefined {
    if (this.#geometry.reservedDescriptorBlocks === 0) return undefined;
    const resize = buildResizeInode(this.#geometry, this.#allocator.allocate(1).start);
    for (const { block, bytes } of resize.blocks) this.#file.put(block * BLOCK_SIZE, bytes);
    return resize;
  }
}

function specialInode(body: { blockArea: Uint8Array; flags: number; size: number; blockCount: number }): InodeFields {
  return {
    mode: FileType.file | 0o600,
    uid: 0,
    gid: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    size: body.size,
    links: 1,
    sectors: body.blockCount * SECTORS_PER_BLOCK,
    flags: body.flags,
    blockArea: body.blockArea,
    xattrBlock: 0,
    inInodeXattrs: new Uint8Array(0),
  };
}

function directoriesByGroup({ tree, nodes, lastInode }: NumberedTree, perGroup: number): number[] {
  const counts: number[] = [1];
  for (let inode = FIRST_INODE; inode <= lastInode; inode++) {
    if (!tree.nodes.isDirectory(nodes[inode - FIRST_INODE] as NodeId)) continue;
    const group = Math.floor((inode - 1) / perGroup);
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
}
