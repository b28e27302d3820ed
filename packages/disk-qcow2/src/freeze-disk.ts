import { closeSync, constants, fsync, linkSync, openSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { BoxliteError, type DiskLayer, errnoOf, type FrozenDisk, toBoxliteError } from '@boxlite/core';
import { examineBase, nameOfBase, writeChild } from './create-child.js';
import type { DiskContext } from './disk-context.js';
import { quoted } from './disk-errors.js';
import { closeDiskFile, openDiskFile, requireAbsolutePath, syncData } from './disk-file.js';
import { flattenDisk } from './flatten-disk.js';
import { installDisk } from './install-disk.js';
import { readHeader } from './read-chain.js';

/** Settings of {@link freezeDisk}. */
export interface FreezeSettings {
  /** The base holds the whole chain. Default: it is the disk as it is, over the same backing files. */
  readonly flat?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const syncFile = promisify(fsync);

/**
 * Makes what a disk holds an immutable base and goes on with a new child of it under the disk's name. The base is the disk's own file under
 * another name, or a flat copy. No VMM may have the disk open.
 *
 * Durable after each step: the base has its name; the child replaces the disk. Killed between them, both names are one file and the disk
 * goes on as it was: made again with the same base, the call ends what was begun (a flat base has to be removed first).
 * @throws BoxliteError `already_exists` (something else has the base's name), `disk_chain_invalid` (too deep), `unsupported` (a relative backing
 * name, which would lead elsewhere), and as `createChild` and `flattenDisk` do
 */
export async function freezeDisk(
  path: string,
  base: string,
  context: DiskContext,
  { flat = false, signal }: FreezeSettings = {},
): Promise<FrozenDisk> {
  requireAbsolutePath(path, 'path');
  const name = nameOfBase({ path: base, format: 'qcow2' });
  const [layer] = await examineBase({ path, format: 'qcow2' }, context);
  context.guard?.requireAllowed(base);
  if (flat) await flattenDisk(path, base, context, { signal });
  else await shareFile(path, base);
  const frozen: DiskLayer = { path: base, format: 'qcow2', virtualSize: layer.virtualSize };
  await installDisk(path, { staging: context.staging, replace: true }, async (fd) =>
    writeChild(fd, layer.virtualSize, name, 'qcow2'),
  );
  return { base: frozen, child: { path, format: 'qcow2', virtualSize: layer.virtualSize } };
}

/** Gives the file a second name, its content and the name durable. */
async function shareFile(path: string, base: string): Promise<void> {
  const disk = openDiskFile(path, 'write');
  try {
    const { backing } = await readHeader(disk);
    if (backing !== undefined && !isAbsolute(backing.name)) {
      throw new BoxliteError('unsupported', `disk ${quoted(path)}: its backing file has a relative name`, {
        hint: 'rebase the disk to the absolute path of its backing file first',
        details: { path, field: 'backing_file' },
      });
    }
    await syncData(disk.fd);
    linkOnce(path, base, disk.identity);
  } finally {
    closeDiskFile(disk);
  }
  const directory = openSync(dirname(base), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await syncFile(directory);
  } finally {
    closeSync(directory);
  }
}

/** A name the file has already is that of an attempt that was killed. */
function linkOnce(path: string, base: string, identity: string): void {
  try {
    linkSync(path, base);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw toBoxliteError(thrown, 'storage_error', `base ${quoted(base)}`);
    const present = openDiskFile(base);
    closeDiskFile(present);
    if (present.identity === identity) return;
    throw new BoxliteError('already_exists', `base ${quoted(base)} exists already`, {
      hint: 'choose another path',
      details: { path: base, field: 'base' },
      cause: thrown,
    });
  }
}
