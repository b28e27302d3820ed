import type { DirectoryNode, ImageNode } from '../tree/image-node.js';
import type { AllocatedRun, BlockAllocator } from './block-allocator.js';
import { type BlockSink, contentBlocks } from './content-writer.js';
import { buildDirectory } from './directory-blocks.js';
import { ExtentList } from './extent-list.js';
import { buildExtentTree, extentTreeBlocks } from './extent-tree.js';
import { BLOCK_SIZE, FileType, InodeFlag, SECTORS_PER_BLOCK } from './format.js';
import type { FileSystemIdentity } from './identity.js';
import { encodeDeviceNumber, type InodeFields, inodeChecksumSeed } from './inode-record.js';
import { encodeXattrs, sealXattrBlock } from './xattr-encoding.js';

/** Targets up to this length live in i_block (the 60th byte ends the string). */
const MAX_FAST_SYMLINK = 59;

/** What the inodes of an image are built with. */
export interface InodeContext {
  readonly allocator: BlockAllocator;
  readonly sink: BlockSink;
  readonly identity: FileSystemIdentity;
  /** Inode number of each directory's parent. */
  readonly parents: ReadonlyMap<DirectoryNode, number>;
}

/** i_block, flags and block count of a node's data. */
interface Body {
  readonly blockArea: Uint8Array;
  readonly flags: number;
  readonly size: number;
  readonly blocks: number;
}

/** Writes the blocks a node needs besides file data (names, link target, extent tree, attributes) and returns its inode. */
export function buildNodeInode(node: ImageNode, context: InodeContext): InodeFields {
  const body = buildBody(node, context);
  const { metadata } = node;
  const xattrs = metadata.xattrs === undefined ? undefined : encodeXattrs(metadata.xattrs);
  let xattrBlock = 0;
  if (xattrs?.block !== undefined) {
    xattrBlock = context.allocator.allocate(1).start;
    sealXattrBlock(xattrs.block, xattrBlock, context.identity.checksumSeed);
    context.sink.put(xattrBlock * BLOCK_SIZE, xattrs.block);
  }
  return {
    mode: FileType[node.kind] | metadata.mode,
    uid: metadata.uid,
    gid: metadata.gid,
    mtime: metadata.mtime,
    size: body.size,
    links: node.kind === 'directory' ? directoryLinks(node) : node.links,
    sectors: (body.blocks + (xattrBlock === 0 ? 0 : 1)) * SECTORS_PER_BLOCK,
    flags: body.flags,
    blockArea: body.blockArea,
    xattrBlock,
    inInodeXattrs: xattrs?.inInode ?? new Uint8Array(0),
  };
}

/** A body of extents over blocks that hold data already. */
export function buildExtentBody(
  extents: readonly { logical: number; physical: number; length: number }[],
  size: number,
  inodeSeed: number,
  { allocator, sink }: Pick<InodeContext, 'allocator' | 'sink'>,
): Body {
  const treeBlocks = Array.from({ length: extentTreeBlocks(extents.length) }, () => allocator.allocate(1).start);
  const tree = buildExtentTree(extents, treeBlocks, inodeSeed);
  for (const { block, bytes } of tree.blocks) sink.put(block * BLOCK_SIZE, bytes);
  return {
    blockArea: tree.root,
    flags: InodeFlag.EXTENTS,
    size,
    blocks: contentBlocks(extents) + treeBlocks.length,
  };
}

function buildBody(node: ImageNode, context: InodeContext): Body {
  const inodeSeed = inodeChecksumSeed(context.identity.checksumSeed, node.inode);
  switch (node.kind) {
    case 'file':
      return buildExtentBody(node.content.extents, node.content.size, inodeSeed, context);
    case 'directory':
      return buildDirectoryBody(node, inodeSeed, context);
    case 'symlink': {
      const target = Buffer.from(node.target, 'latin1');
      if (target.length <= MAX_FAST_SYMLINK) return { blockArea: target, flags: 0, size: target.length, blocks: 0 };
      const block = Buffer.alloc(BLOCK_SIZE);
      target.copy(block);
      return storeBlocks([block], target.length, inodeSeed, context);
    }
    case 'character-device':
    case 'block-device':
      return { blockArea: encodeDeviceNumber(node.major, node.minor), flags: 0, size: 0, blocks: 0 };
    case 'fifo':
      return { blockArea: new Uint8Array(0), flags: 0, size: 0, blocks: 0 };
  }
}

function buildDirectoryBody(node: DirectoryNode, inodeSeed: number, context: InodeContext): Body {
  const entries = Array.from(node.children, ([name, child]) => ({ name, inode: child.inode, type: child.kind }));
  const { blocks, indexed } = buildDirectory(entries, {
    inode: node.inode,
    parent: context.parents.get(node) ?? node.inode,
    inodeSeed,
    hashSeed: context.identity.hashSeed,
  });
  const body = storeBlocks(blocks, blocks.length * BLOCK_SIZE, inodeSeed, context);
  return indexed ? { ...body, flags: body.flags | InodeFlag.INDEX } : body;
}

function storeBlocks(blocks: readonly Buffer[], size: number, inodeSeed: number, context: InodeContext): Body {
  const extents = new ExtentList();
  let run: AllocatedRun | undefined;
  let used = 0;
  blocks.forEach((bytes, logical) => {
    if (run === undefined || used === run.length) {
      run = context.allocator.allocate(blocks.length - logical);
      used = 0;
      extents.append(logical, run.start, run.length);
    }
    context.sink.put((run.start + used) * BLOCK_SIZE, bytes);
    used++;
  });
  return buildExtentBody(extents.list, size, inodeSeed, context);
}

function directoryLinks(node: DirectoryNode): number {
  let links = 2;
  for (const child of node.children.values()) if (child.kind === 'directory') links++;
  return links;
}
