import { BoxliteError, type DiskBase, type DiskLayer, toBoxliteError } from '@boxlite/core';
import type { BackingGuard } from './backing-guard.js';
import { resolveBackingName } from './backing-name.js';
import { diskChainInvalid, diskInvalid, quoted } from './disk-errors.js';
import { closeDiskFile, type DiskFile, openDiskFile, readAt, requireAbsolutePath } from './disk-file.js';
import type { Qcow2Header } from './header.js';
import { MAX_CHAIN_DEPTH, MAX_HEADER_AREA_BYTES, SECTOR_BYTES } from './limits.js';
import { parseHeader } from './parse-header.js';

/** One open file of a chain; raw ones have no header. */
export interface OpenLayer extends DiskLayer {
  readonly disk: DiskFile;
  readonly header: Qcow2Header | undefined;
}

/** Reads and strictly parses the header of an open disk. */
export async function readHeader(disk: DiskFile): Promise<Qcow2Header> {
  return parseHeader(await readAt(disk, 0, Math.min(MAX_HEADER_AREA_BYTES, disk.size)), disk.size, disk.path);
}

/** How a chain is opened. */
export interface ChainOptions {
  /** Whether the overlay is to be written; the others never are. Default `read`. */
  readonly mode?: 'read' | 'write';
  /** See {@link createBackingGuard}; default: backing files may lie anywhere. */
  readonly guard?: BackingGuard | undefined;
}

/** An open backing chain, the overlay first. Whoever opened it closes it. */
export interface OpenChain {
  readonly top: OpenLayer;
  readonly layers: readonly OpenLayer[];
  close(): void;
}

/**
 * Opens every file of a backing chain.
 * @throws BoxliteError `disk_invalid`, `disk_chain_invalid` (too deep, a loop, a file is missing or not allowed), `not_found` for the
 * first file
 */
export async function openChain(
  path: string,
  format: 'raw' | 'qcow2',
  { mode = 'read', guard }: ChainOptions = {},
): Promise<OpenChain> {
  requireAbsolutePath(path, 'path');
  const disks: DiskFile[] = [];
  const close = (): void => {
    for (const disk of disks.splice(0)) closeDiskFile(disk);
  };
  const openNext = async (next: DiskBase): Promise<OpenLayer> => {
    if (disks.length === MAX_CHAIN_DEPTH) {
      throw diskChainInvalid(path, `it has more than ${MAX_CHAIN_DEPTH} files`);
    }
    const disk = disks.length === 0 ? openDiskFile(next.path, mode) : openBacking(path, next.path, guard);
    disks.push(disk);
    if (disks.findIndex(({ identity }) => identity === disk.identity) !== disks.length - 1) {
      throw diskChainInvalid(path, `it comes back to ${quoted(disk.path)}: a loop`, { details: { file: disk.path } });
    }
    return next.format === 'raw' ? rawLayer(disk) : qcow2Layer(disk, await readHeader(disk));
  };
  try {
    const top = await openNext({ path, format });
    const layers = [top];
    for (let layer = top; layer.header?.backing !== undefined; ) {
      const { name, format: backingFormat } = layer.header.backing;
      layer = await openNext({ path: resolveBackingName(layer.path, name), format: backingFormat });
      layers.push(layer);
    }
    return { top, layers, close };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** Runs `use` on an open chain and closes it. Throws as {@link openChain} does. */
export async function withChain<Result>(
  path: string,
  format: 'raw' | 'qcow2',
  use: (layers: readonly OpenLayer[]) => Promise<Result>,
  options: ChainOptions = {},
): Promise<Result> {
  const { layers, close } = await openChain(path, format, options);
  try {
    return await use(layers);
  } finally {
    close();
  }
}

/** The layers as the contract has them. */
export function describeLayer({ path, format, virtualSize }: DiskLayer): DiskLayer {
  return { path, format, virtualSize };
}

function qcow2Layer(disk: DiskFile, header: Qcow2Header): OpenLayer {
  return { path: disk.path, format: 'qcow2', virtualSize: header.virtualSize, disk, header };
}

/** A raw file's size counts in whole sectors, the last one padded with zeros, as QEMU does. */
function rawLayer(disk: DiskFile): OpenLayer {
  if (disk.size === 0) throw diskInvalid(disk.path, 'size', 'the file is empty');
  const virtualSize = Math.ceil(disk.size / SECTOR_BYTES) * SECTOR_BYTES;
  return { path: disk.path, format: 'raw', virtualSize, disk, header: undefined };
}

function openBacking(overlay: string, path: string, guard: BackingGuard | undefined): DiskFile {
  try {
    guard?.requireAllowed(path);
    const disk = openDiskFile(path);
    try {
      guard?.requireSame(disk);
    } catch (thrown) {
      closeDiskFile(disk);
      throw thrown;
    }
    return disk;
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'not_found')) {
      throw toBoxliteError(thrown, 'storage_error', `backing chain of disk ${quoted(overlay)}`);
    }
    throw diskChainInvalid(overlay, `backing file ${quoted(path)} does not exist`, {
      details: { file: path },
      cause: thrown,
    });
  }
}
