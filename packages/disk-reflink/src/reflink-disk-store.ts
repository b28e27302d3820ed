import { randomBytes } from 'node:crypto';
import { closeSync, fsync, ftruncateSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  BoxliteError,
  type DiskBase,
  type DiskLayer,
  type DiskStore,
  randomBase62,
  throwIfAborted,
  toBoxliteError,
} from '@boxlite/core';
import { cloneDisk, type Staging } from './clone-disk.js';
import { quoted, unsupported } from './disk-errors.js';
import { describeRawDisk, openRawDisk, requireAbsolutePath, requireVirtualSize } from './raw-disk.js';

/** Settings of {@link createReflinkDiskStore}. */
export interface ReflinkDiskStoreOptions {
  /**
   * Where files are made before they get their name: absolute, existing, on the file system of the disks; a BoxLite home's `tmp/`.
   * Default: the new disk's own directory.
   */
  readonly stagingDirectory?: string;
  /** A new name for a staging file, such as one by which a sweep finds out whether its maker lives. Default: `.reflink-<pid>-<random>.staged`. */
  readonly stagingName?: () => string;
}

/** What a store of raw clones can do: it has nothing to check, and no backing names to rebase. */
export type ReflinkDiskStore = DiskStore & Required<Pick<DiskStore, 'format' | 'grow' | 'flatten' | 'freeze'>>;

const syncFile = promisify(fsync);
const QCOW2_HINT = 'use the disk store qcow2 for this disk';

/** Of no use to a sweep, which cannot tell whether the process still lives. */
export const defaultStagingName = (): string => `.reflink-${process.pid}-${randomBase62(12, randomBytes)}.staged`;

/**
 * A {@link DiskStore} of raw files that share the blocks of their base until one of both is written. No I/O happens before its first call.
 * Linux, btrfs or xfs with reflinks; elsewhere making disks throws `unsupported`.
 * @throws BoxliteError `invalid_argument` (field `stagingDirectory`)
 */
export function createReflinkDiskStore(options: ReflinkDiskStoreOptions = {}): ReflinkDiskStore {
  const { stagingDirectory, stagingName = defaultStagingName } = options;
  if (stagingDirectory !== undefined) requireAbsolutePath(stagingDirectory, 'stagingDirectory');
  const staging: Staging = { directory: stagingDirectory, name: stagingName };
  return {
    id: 'reflink',
    format: 'raw',
    createChild: (path, base, { virtualSize } = {}) => createClone(path, base, virtualSize, staging),
    chain: async (path, format = 'raw') => {
      requireAbsolutePath(path, 'path');
      requireRaw(path, format);
      return [describeRawDisk(path)];
    },
    backingPath: async (path) => {
      requireAbsolutePath(path, 'path');
      describeRawDisk(path);
      return undefined;
    },
    grow: growDisk,
    async flatten(path, target, signal, { format = 'raw' } = {}) {
      requireAbsolutePath(target, 'target');
      requireRaw(path, format);
      throwIfAborted(signal, `flattening disk ${quoted(path)}`);
      return cloneWhole(path, target, staging);
    },
    async freeze(path, base, { signal } = {}) {
      requireAbsolutePath(base, 'base');
      throwIfAborted(signal, `freezing disk ${quoted(path)}`);
      const frozen = await cloneWhole(path, base, staging);
      return { base: frozen, child: { ...frozen, path } };
    },
  };
}

async function createClone(
  path: string,
  base: DiskBase,
  virtualSize: number | undefined,
  staging: Staging,
): Promise<DiskLayer> {
  requireAbsolutePath(path, 'path');
  requireAbsolutePath(base.path, 'base.path');
  requireRaw(base.path, base.format);
  const { fd, layer } = openBase(base.path);
  try {
    const size = virtualSize ?? layer.virtualSize;
    requireVirtualSize(size, layer.virtualSize, `base ${quoted(base.path)}`);
    await cloneDisk(fd, base.path, path, size, staging);
    return { path, format: 'raw', virtualSize: size };
  } finally {
    closeSync(fd);
  }
}

async function cloneWhole(path: string, target: string, staging: Staging): Promise<DiskLayer> {
  requireAbsolutePath(path, 'path');
  const { fd, layer } = openRawDisk(path);
  try {
    await cloneDisk(fd, path, target, layer.virtualSize, staging);
    return { ...layer, path: target };
  } finally {
    closeSync(fd);
  }
}

async function growDisk(path: string, virtualSize: number): Promise<void> {
  requireAbsolutePath(path, 'path');
  const { fd, layer } = openRawDisk(path, 'write');
  try {
    requireVirtualSize(virtualSize, layer.virtualSize, `disk ${quoted(path)}`);
    ftruncateSync(fd, virtualSize);
    await syncFile(fd);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)} cannot grow`);
  } finally {
    closeSync(fd);
  }
}

function openBase(path: string): ReturnType<typeof openRawDisk> {
  try {
    return openRawDisk(path);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'not_found')) throw thrown;
    throw new BoxliteError('not_found', `base ${quoted(path)} does not exist`, {
      hint: 'a child needs an existing base; check its path',
      details: { path, field: 'base.path' },
      cause: thrown,
    });
  }
}

function requireRaw(path: string, format: 'raw' | 'qcow2'): void {
  if (format === 'raw') return;
  throw unsupported(path, 'format', `its format is ${quoted(String(format))}, only raw disks are cloned`, QCOW2_HINT);
}
