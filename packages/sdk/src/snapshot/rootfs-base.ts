import { basename } from 'node:path';
import { type BaseDiskId, parseBaseDiskId } from '@boxlite/core';

/** The base disk a guest rootfs is. @throws BoxliteError `invalid_argument` for a file that is none */
export function rootfsBaseOf(path: string): BaseDiskId {
  return parseBaseDiskId(basename(path).replace(/\..*$/, ''));
}
