import { constants } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiskStore, errnoOf, type Plugin, type ProbeResult } from '@boxlite/core';
import { quoted } from './disk-errors.js';
import { requireAbsolutePath } from './raw-disk.js';
import { createReflinkDiskStore, defaultStagingName, type ReflinkDiskStoreOptions } from './reflink-disk-store.js';

/** Settings of {@link reflinkDiskStorePlugin}. */
export interface ReflinkDiskStorePluginOptions extends ReflinkDiskStoreOptions {
  /** Where the probe tries a clone: absolute, existing, on the file system of the disks. */
  readonly directory: string;
  /** Default 10: before qcow2 wherever the file system can do it. */
  readonly priority?: number;
}

/** Bytes of the file the probe clones: a block of any file system. */
const PROBE_BYTES = 65_536;
const REMEDY = 'put the home on btrfs, or on xfs made with reflink=1 (its default since xfsprogs 5.1)';

/**
 * The plugin of {@link createReflinkDiskStore}. Its probe clones a file, for nothing else tells whether the file system can.
 * @throws BoxliteError `invalid_argument` (field `directory`)
 */
export function reflinkDiskStorePlugin(options: ReflinkDiskStorePluginOptions): Plugin<'disk-store', DiskStore> {
  const { directory, priority = 10, ...storeOptions } = options;
  requireAbsolutePath(directory, 'directory');
  return {
    kind: 'disk-store',
    id: 'reflink',
    specificationVersion: 'v1',
    priority,
    probe: () => probeClones(directory, storeOptions.stagingName ?? defaultStagingName),
    create: () => createReflinkDiskStore(storeOptions),
  };
}

/** Tries it, and leaves nothing. */
async function probeClones(directory: string, newName: () => string): Promise<ProbeResult> {
  if (process.platform !== 'linux') {
    return { available: false, reason: `clones on ${process.platform} are not supported`, remedy: 'use Linux' };
  }
  const source = join(directory, newName());
  const clone = join(directory, newName());
  try {
    await writeFile(source, Buffer.alloc(PROBE_BYTES, 1), { flag: 'wx', mode: 0o600 });
    await copyFile(source, clone, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return { available: true, detail: `the file system of ${directory} shares blocks between files` };
  } catch (thrown) {
    const errno = errnoOf(thrown) ?? String(thrown);
    return { available: false, reason: `no file in ${quoted(directory)} can be cloned: ${errno}`, remedy: REMEDY };
  } finally {
    await Promise.all([source, clone].map((path) => rm(path, { force: true })));
  }
}
