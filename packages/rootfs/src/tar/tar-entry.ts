import { BoxliteError } from '@boxlite/core';
import type { ByteString, Timestamp } from '../tree/image-node.js';
import { displayName } from '../tree/image-node.js';

/** The kinds of entry a layer may hold. */
export type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

/** One entry of an archive; names are bytes, exactly as stored. */
export interface TarEntry {
  readonly type: TarEntryType;
  readonly name: ByteString;
  /** Target of a symlink or hard link, otherwise empty. */
  readonly linkName: ByteString;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  /** Bytes of content; 0 for everything but files. */
  readonly size: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
}

/** Receives an archive in order. For a file: `entry`, any number of `data` and `hole`, `endEntry`. */
export interface TarSink {
  entry(entry: TarEntry): void;
  data(bytes: Buffer): void;
  /** So many zero bytes that the archive does not store (sparse files). */
  hole(count: number): void;
  endEntry(): void;
}

/**
 * The error for archives that break the format.
 * @param name of the entry, when it is known
 * @param field of the entry
 */
export function invalidLayer(reason: string, name?: ByteString, field = 'layer', cause?: unknown): BoxliteError {
  const where = name === undefined ? 'a layer' : `layer entry ${JSON.stringify(displayName(name).slice(0, 512))}`;
  return new BoxliteError('layer_invalid', `${where}: ${reason}`, {
    hint: 'the image is damaged or was built by a broken tool: pull it again or rebuild it',
    details: { field, ...(name === undefined ? {} : { entry: displayName(name.slice(0, 4096)) }) },
    ...(cause === undefined ? {} : { cause }),
  });
}
