import { BoxliteError, type DiskLayer, toBoxliteError } from '@boxlite/core';
import { resolveBackingName } from './backing-name.js';
import { diskChainInvalid, diskInvalid, quoted } from './disk-errors.js';
import type { Qcow2Header } from './header.js';
import { MAX_CHAIN_DEPTH, MAX_HEADER_AREA_BYTES, SECTOR_BYTES } from './limits.js';
import { type OpenDisk, openDisk, readAt, requireAbsolutePath } from './open-disk.js';
import { parseHeader } from './parse-header.js';

/** One open file of a chain; raw ones have no header. */
export interface OpenLayer extends DiskLayer {
  readonly disk: OpenDisk;
  readonly header: Qcow2Header | undefined;
}

/** Reads and strictly parses the header of an open disk. */
export async function readHeader(disk: OpenDisk): Promise<Qcow2Header> {
  return parseHeader(await readAt(disk, 0, Math.min(MAX_HEADER_AREA_BYTES, disk.size)), disk.size, disk.path);
}

/**
 * Opens every file of a backing chain, runs `use` on them (the overlay first), and closes them.
 * @throws BoxliteError `disk_invalid`, `disk_chain_invalid` (too deep, a loop, a file is missing), `not_found` for the first file
 */
export async function withChain<Result>(
  path: string,
  format: 'raw' | 'qcow2',
  use: (layers: readonly OpenLayer[]) => Promise<Result>,
): Promise<Result> {
  requireAbsolutePath(path, 'path');
  const layers: OpenLayer[] = [];
  const disks: OpenDisk[] = [];
  try {
    let next: { readonly path: string; readonly format: 'raw' | 'qcow2' } | undefined = { path, format };
    while (next !== undefined) {
      if (disks.length === MAX_CHAIN_DEPTH) {
        throw diskChainInvalid(path, `it has more than ${MAX_CHAIN_DEPTH} files`);
      }
      const disk: OpenDisk = disks.length === 0 ? await openDisk(next.path) : await openBacking(path, next.path);
      disks.push(disk);
      if (disks.findIndex(({ identity }) => identity === disk.identity) !== disks.length - 1) {
        throw diskChainInvalid(path, `it comes back to ${quoted(disk.path)}: a loop`, { details: { file: disk.path } });
      }
      const layer: OpenLayer = next.format === 'raw' ? rawLayer(disk) : qcow2Layer(disk, await readHeader(disk));
      layers.push(layer);
      const backing = layer.header?.backing;
      next = backing && { path: resolveBackingName(disk.path, backing.name), format: backing.format };
    }
    return await use(layers);
  } finally {
    await Promise.all(disks.map(({ handle }) => handle.close()));
  }
}

/** The layers as the contract has them. */
export function describeLayer({ path, format, virtualSize }: DiskLayer): DiskLayer {
  return { path, format, virtualSize };
}

function qcow2Layer(disk: OpenDisk, header: Qcow2Header): OpenLayer {
  return { path: disk.path, format: 'qcow2', virtualSize: header.virtualSize, disk, header };
}

/** A raw file's size counts in whole sectors, the last one padded with zeros, as QEMU does. */
function rawLayer(disk: OpenDisk): OpenLayer {
  if (disk.size === 0) throw diskInvalid(disk.path, 'size', 'the file is empty');
  const virtualSize = Math.ceil(disk.size / SECTOR_BYTES) * SECTOR_BYTES;
  return { path: disk.path, format: 'raw', virtualSize, disk, header: undefined };
}

async function openBacking(overlay: string, path: string): Promise<OpenDisk> {
  try {
    return await openDisk(path);
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
