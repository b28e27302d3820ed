import type { PathAccess } from '@boxlite/core';

/**
 * The files that paths must be, in the form stage B reads: `device:inode:path`, NUL, for each path with an identity. Empty when there is none.
 */
export function pathIdentities(paths: readonly PathAccess[]): Uint8Array {
  const records = paths.flatMap(({ path, identity }) =>
    identity === undefined ? [] : [`${identity.device}:${identity.inode}:${path}\0`],
  );
  return new TextEncoder().encode(records.join(''));
}
