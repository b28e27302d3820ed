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

/** One inode of the tree that becomes an image, by its number in the tree. Hard links are one node under several names. */
export type NodeId = number;

/** The kinds of node; sockets cannot be in an archive. */
export type NodeKind = 'directory' | 'file' | 'symlink' | 'character-device' | 'block-device' | 'fifo';

/** Of directories nobody described: parents missing from a layer, an image without an entry for its root. */
export const DEFAULT_DIRECTORY_METADATA: NodeMetadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: undefined,
};

/** A {@link ByteString} as people would read it: UTF-8 where the bytes are UTF-8. */
export function displayName(name: ByteString): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}
