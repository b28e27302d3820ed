import type { FileTree } from '../tree/file-tree.js';
import type { NodeId } from '../tree/image-node.js';
import type { BlockAllocator } from './block-allocator.js';
import { type BlockSink, contentBlocks } from './content-writer.js';
import { buildDirectory } from './directory-blocks.js';
import { ExtentList } from './extent-list.js';
import { buildExtentTree, extentTreeBlocks } from './extent-tree.js';
import { BLOCK_SIZE, FileType, InodeFlag, SECTORS_PER_BLOCK } from './format.js';
import type { FileSystemIdentity } from './identity.js';
import { encodeDeviceNumber, type InodeFields } from './inode-record.js';
import { encodeXattrs, sealXattrBlock } from './xattr-encoding.js';

/** Targets up to this length live in i_block (the 60th byte ends the string). */
const MAX_FAST_SYMLINK = 59;

/** What the inodes of an image are built with. */
export interface InodeContext {
  readonly tree: FileTree;
  readonly allocator: BlockAllocator;
  readonly sink: BlockSink;
  readonly identity: FileSystemIdentity;
}

/** i_block, flags and block count of a node's data. */
interface Body {
  readonly blockArea: Uint8Array;
  readonly flags: number;
  readonly size: number;
  readonly blocks: number;
}

const NO_BYTES = new Uint8Array(0);

/** Writes the blocks a node needs besides file data (names, link target, extent tree, attributes) and returns its inode. */
export function buildNodeInode(node: NodeId, inodeSeed: number, context: InodeContext): InodeFields {
  const { nodes } = context.tree;
  const body = buildBody(node, inodeSeed, context);
  const { mode, uid, gid, mtime, xattrs } = nodes.metadata(node);
  const encoded = xattrs === undefined ? undefined : encodeXattrs(xattrs);
  let xattrBlock = 0;
  if (encoded?.block !== undefined) {
    xattrBlock = context.allocator.allocate(1).start;
    sealXattrBlock(encoded.block, xattrBlock, context.identity.checksumSeed);
    context.sink.put(xattrBlock * BLOCK_SIZE, encoded.block);
  }
  return {
    mode: FileType[nodes.kind(node)] | mode,
    uid,
    gid,
    mtime,
    size: body.size,
    links: nodes.links(node),
    sectors: (body.blocks + (xattrBlock === 0 ? 0 : 1)) * SECTORS_PER_BLOCK,
    flags: body.flags,
    blockArea: body.blockArea,
    xattrBlock,
    inInodeXattrs: encoded?.inInode ?? NO_BYTES,
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

function buildBody(node: NodeId, inodeSeed: number, context: InodeContext): Body {
  const { nodes } = context.tree;
  const kind = nodes.kind(node);
  switch (kind) {
    case 'file': {
      const { size, extents } = nodes.content(node);
      return buildExtentBody(extents, size, inodeSeed, context);
    }
    case 'directory':
      return buildDirectoryBody(node, inodeSeed, context);
    case 'symlink': {
      const target = Buffer.from(nodes.target(node), 'latin1');
      if (target.length <= MAX_FAST_SYMLINK) return { blockArea: target, flags: 0, size: target.length, blocks: 0 };
      return storeBlocks(1, target.length, inodeSeed, context, (_, block) => target.copy(block));
    }
    case 'character-device':
    case 'block-device': {
      const { major, minor } = nodes.device(node);
      return { blockArea: encodeDeviceNumber(major, minor), flags: 0, size: 0, blocks: 0 };
    }
    case 'fifo':
      return { blockArea: NO_BYTES, flags: 0, size: 0, blocks: 0 };
  }
}

function buildDirectoryBody(directory: NodeId, inodeSeed: number, context: InodeContext): Body {
  const { nodes, names } = context.tree;
  const { hashSeed } = context.identity;
  const { count, indexed, fill } = buildDirectory({ nodes, names, directory, inodeSeed, hashSeed });
  const body = storeBlocks(count, count * BLOCK_SIZE, inodeSeed, context, fill);
  return indexed ? { ...body, flags: body.flags | InodeFlag.INDEX } : body;
}

/** @param fill writes the block of a number into a block of zeros */
function storeBlocks(
  count: number,
  size: number,
  inodeSeed: number,
  context: InodeContext,
  fill: (number: number, block: Buffer) => void,
): Body {
  const extents = new ExtentList();
  const block = Buffer.allocUnsafe(BLOCK_SIZE);
  for (let logical = 0; logical < count; ) {
    const run = context.allocator.allocate(count - logical);
    extents.append(logical, run.start, run.length);
    for (let used = 0; used < run.length; used++) {
      fill(logical + used, block.fill(0));
      context.sink.put((run.start + used) * BLOCK_SIZE, block);
    }
    logical += run.length;
  }
  return buildExtentBody(extents.list, size, inodeSeed, context);
}
