/**
 * Bytes as text, one character (U+0000 to U+00FF) a byte. Names, link targets and extended attribute names of images are
 * byte sequences, not UTF-8 text; this form keeps every byte and still works as a map key.
 */
export type ByteString = string;

/** A point in time; `nanoseconds` is 0 to 999 999 999 and counts forward also before 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What every kind of node carries. */
export interface NodeMetadata {
  /** Permission bits with set-uid, set-gid and sticky (0 to 0o7777), without the file type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Full names (`security.capability`) to values; undefined for none. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
}

/** Consecutive file blocks in consecutive disk blocks. */
export interface Extent {
  readonly logical: number;
  readonly physical: number;
  length: number;
}

/** Where the bytes of a file are in the image; blocks no extent names read as zeros. */
export interface FileContent {
  /** Bytes. */
  readonly size: number;
  readonly extents: readonly Extent[];
}

interface NodeBase {
  metadata: NodeMetadata;
  /** Names that lead to this node. */
  links: number;
  /** Inode number, 0 until the writer has numbered the tree. */
  inode: number;
}

export interface DirectoryNode extends NodeBase {
  readonly kind: 'directory';
  readonly children: Map<ByteString, ImageNode>;
}

export interface FileNode extends NodeBase {
  readonly kind: 'file';
  content: FileContent;
}

export interface SymlinkNode extends NodeBase {
  readonly kind: 'symlink';
  readonly target: ByteString;
}

export interface DeviceNode extends NodeBase {
  readonly kind: 'character-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
}

export interface FifoNode extends NodeBase {
  readonly kind: 'fifo';
}

/** One inode of the tree that becomes an image. Hard links are the same object under several names. */
export type ImageNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode | FifoNode;

/** Of directories nobody described: parents missing from a layer, an image without an entry for its root. */
export const DEFAULT_DIRECTORY_METADATA: NodeMetadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: undefined,
};

/** A directory without entries. */
export function createDirectoryNode(metadata: NodeMetadata = DEFAULT_DIRECTORY_METADATA): DirectoryNode {
  return { kind: 'directory', metadata, links: 1, inode: 0, children: new Map() };
}

/** A {@link ByteString} as people would read it: UTF-8 where the bytes are UTF-8. */
export function displayName(name: ByteString): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
