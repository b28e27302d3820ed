import type { DiskStore } from '@boxlite/core';
import { checkDisk } from './check-disk.js';
import { createChild } from './create-child.js';
import { flattenDisk } from './flatten-disk.js';
import { growDisk } from './grow-disk.js';
import { defaultStagingName } from './install-disk.js';
import { requireAbsolutePath } from './disk-file.js';
import { readBackingPath } from './read-backing-path.js';
import { describeLayer, withChain } from './read-chain.js';

/** Settings of {@link createQcow2DiskStore}. */
export interface Qcow2DiskStoreOptions {
  /**
   * Where files are written before they get their name: absolute, existing, on the file system of the disks; a BoxLite home's
   * `tmp/`. Default: the new disk's own directory.
   */
  readonly stagingDirectory?: string;
  /** A new name for a staging file, such as one by which a sweep finds out whether its maker lives. Default: `.qcow2-<pid>-<random>.staged`. */
  readonly stagingName?: () => string;
}

/**
 * A {@link DiskStore} of qcow2 version 3 files, read and written in this process. No I/O happens before its first call.
 * @throws BoxliteError `invalid_argument` (field `stagingDirectory`)
 */
export function createQcow2DiskStore(options: Qcow2DiskStoreOptions = {}): Required<DiskStore> {
  const { stagingDirectory, stagingName = defaultStagingName } = options;
  if (stagingDirectory !== undefined) requireAbsolutePath(stagingDirectory, 'stagingDirectory');
  const staging = { directory: stagingDirectory, name: stagingName };
  return {
    id: 'qcow2',
    createChild: (path, base, { virtualSize } = {}) => createChild(path, base, virtualSize, staging),
    chain: (path, format = 'qcow2') => withChain(path, format, async (layers) => layers.map(describeLayer)),
    backingPath: readBackingPath,
    check: checkDisk,
    grow: growDisk,
    flatten: (path, target, signal) => flattenDisk(path, target, { signal, staging }),
  };
}
