import type { DiskStore } from '@boxlite/core';
import { createBackingGuard } from './backing-guard.js';
import { checkDisk } from './check-disk.js';
import { createChild } from './create-child.js';
import type { DiskContext } from './disk-context.js';
import { requireAbsolutePath } from './disk-file.js';
import { flattenDisk } from './flatten-disk.js';
import { freezeDisk } from './freeze-disk.js';
import { growDisk } from './grow-disk.js';
import { defaultStagingName } from './install-disk.js';
import { readBackingPath } from './read-backing-path.js';
import { describeLayer, withChain } from './read-chain.js';
import { rebaseDisk } from './rebase-disk.js';
import { repairDisk } from './repair-disk.js';

/** Settings of {@link createQcow2DiskStore}. */
export interface Qcow2DiskStoreOptions {
  /**
   * Where files are written before they get their name: absolute, existing, on the file system of the disks; a BoxLite home's
   * `tmp/`. Default: the new disk's own directory.
   */
  readonly stagingDirectory?: string;
  /** A new name for a staging file, such as one by which a sweep finds out whether its maker lives. Default: `.qcow2-<pid>-<random>.staged`. */
  readonly stagingName?: () => string;
  /**
   * Absolute directories in which, or below which, bases and every backing file must lie, after symbolic links. Default: anywhere.
   */
  readonly allowedDirectories?: readonly string[];
}

/**
 * A {@link DiskStore} of qcow2 files, read and written in this process. No I/O happens before its first call.
 * @throws BoxliteError `invalid_argument` (field `stagingDirectory` or `allowedDirectories`)
 */
export function createQcow2DiskStore(options: Qcow2DiskStoreOptions = {}): Required<DiskStore> {
  const { stagingDirectory, stagingName = defaultStagingName, allowedDirectories } = options;
  if (stagingDirectory !== undefined) requireAbsolutePath(stagingDirectory, 'stagingDirectory');
  const guard = allowedDirectories && createBackingGuard(allowedDirectories);
  const context: DiskContext = { staging: { directory: stagingDirectory, name: stagingName }, guard };
  return {
    id: 'qcow2',
    format: 'qcow2',
    createChild: (path, base, { virtualSize } = {}) => createChild(path, base, virtualSize, context),
    chain: (path, format = 'qcow2') => withChain(path, format, async (layers) => layers.map(describeLayer), { guard }),
    backingPath: readBackingPath,
    check: checkDisk,
    repair: repairDisk,
    grow: (path, virtualSize) => growDisk(path, virtualSize, context),
    flatten: (path, target, signal, { format } = {}) => flattenDisk(path, target, context, { signal, format }),
    rebase: (path, base) => rebaseDisk(path, base, context),
    freeze: (path, base, { flat, signal } = {}) => freezeDisk(path, base, context, { flat, signal }),
  };
}
