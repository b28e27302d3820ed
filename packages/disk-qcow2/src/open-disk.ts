import { BoxliteError } from '@boxlite/core';
import { createBackingGuard } from './backing-guard.js';
import { ChainReader } from './chain-reader.js';
import { invalidArgument, quoted } from './disk-errors.js';
import type { DiskHandle } from './disk-handle.js';
import { OpenedDisk } from './opened-disk.js';
import { type OpenLayer, openChain } from './read-chain.js';
import { Qcow2Writer } from './writable/qcow2-writer.js';
import { RawWriter } from './writable/raw-writer.js';

/** Settings of {@link openDisk}. */
export interface OpenDiskOptions {
  /** Of the overlay: never guessed. */
  readonly format: 'raw' | 'qcow2';
  /** Default `read`. Nothing else may use a disk that is written, and nothing may write to its backing files. */
  readonly mode?: 'read' | 'write';
  /**
   * Absolute directories in which, or below which, every backing file must lie, after symbolic links. Default: anywhere, which is
   * only for disks you made.
   */
  readonly allowedDirectories?: readonly string[];
}

/**
 * Opens a disk with its backing chain for random access.
 * @param path absolute
 * @throws BoxliteError `invalid_argument` (fields `path`, `format`, `mode`, `allowedDirectories`), `not_found`, `disk_invalid`,
 * `disk_chain_invalid` (too deep, a loop, a file is missing or outside the allowed directories),
 * `unsupported` (writing version 2), `invalid_state` (writing a disk that is marked dirty)
 */
export async function openDisk(path: string, options: OpenDiskOptions): Promise<DiskHandle> {
  const { format, mode = 'read', allowedDirectories } = options;
  requireOneOf('format', format, ['raw', 'qcow2']);
  requireOneOf('mode', mode, ['read', 'write']);
  const guard = allowedDirectories === undefined ? undefined : createBackingGuard(allowedDirectories);
  const chain = await openChain(path, format, { mode, guard });
  try {
    if (mode === 'read') return new OpenedDisk(chain, new ChainReader(chain.layers, { once: false }), undefined);
    const { top } = chain;
    if (top.header === undefined) {
      return new OpenedDisk(chain, new ChainReader(chain.layers, { once: false }), new RawWriter(top.disk));
    }
    requireWritable(top);
    const writer = await Qcow2Writer.open(chain.layers, top, top.header);
    return new OpenedDisk(chain, writer.reader, writer, 2 ** top.header.clusterBits);
  } catch (thrown) {
    chain.close();
    throw thrown;
  }
}

function requireWritable({ path, header }: OpenLayer): void {
  if (header?.version === 2) {
    throw new BoxliteError('unsupported', `disk ${quoted(path)} is of version 2, which is only read`, {
      hint: 'make it version 3 with `qemu-img amend -o compat=1.1`, or write to a child of it',
      details: { path, field: 'version' },
    });
  }
  if (header?.dirty === true) {
    throw new BoxliteError(
      'invalid_state',
      `disk ${quoted(path)} is marked dirty: its last user did not close it, and its reference counts may be too low`,
      { hint: 'repair it with `qemu-img check -r all`', details: { path, field: 'incompatible_features' } },
    );
  }
}

function requireOneOf(field: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw invalidArgument(field, `${field} ${quoted(String(value))} is unknown`, `one of ${allowed.join(', ')}`);
}
