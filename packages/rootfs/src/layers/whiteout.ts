import { invalidLayer } from '../tar/tar-entry.js';
import type { ByteString } from '../tree/image-node.js';

/** OCI image-spec, layer.md, "Whiteouts". */
const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';
/**
 * Other names of this form are bookkeeping of the aufs file system that once made layers: files everywhere, and at the root directories, into one of
 * which the hard links of a layer lead.
 */
const AUFS_PREFIX = '.wh..wh.';

/** What a name means for the layers below. */
export type Whiteout =
  | { readonly kind: 'opaque' }
  | { readonly kind: 'remove'; readonly name: ByteString }
  | { readonly kind: 'ignored' };

/**
 * @param name last component of an entry's path
 * @returns undefined for an ordinary name
 * @throws BoxliteError `layer_invalid` for a whiteout of nothing, or of `.` or `..`
 */
export function parseWhiteout(name: ByteString): Whiteout | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE) return { kind: 'opaque' };
  if (name.startsWith(AUFS_PREFIX)) return { kind: 'ignored' };
  const removed = name.slice(PREFIX.length);
  if (removed === '' || removed === '.' || removed === '..')
    throw invalidLayer('the whiteout names nothing', name, 'name');
  return { kind: 'remove', name: removed };
}

/** Whether a name in the root of a layer is bookkeeping of aufs, which is no part of the image. */
export function isBookkeeping(name: ByteString): boolean {
  return name.startsWith(AUFS_PREFIX);
}
