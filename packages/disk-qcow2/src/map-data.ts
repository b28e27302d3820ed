import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { BoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';
import { type DataMap, parseDataMap } from './data-map.js';
import type { DiskFile } from './disk-file.js';
import type { OpenLayer } from './read-chain.js';

/** Bytes of output of the program at most, its own bound and one record. */
const MAX_OUTPUT_BYTES = 2 ** 22 + 16;
/** The unit of `st_blocks`, bytes (stat(2)). */
const BLOCK_UNIT = 512;

/** Maps of the raw files of a chain that have holes. A file without a map is read from end to end, which takes longer and gives the same. */
export async function mapRawLayers(layers: readonly OpenLayer[]): Promise<ReadonlyMap<OpenLayer, DataMap>> {
  const maps = new Map<OpenLayer, DataMap>();
  for (const layer of layers) {
    const map = layer.header === undefined && hasHoles(layer.disk) ? await mapData(layer.disk) : undefined;
    if (map !== undefined) maps.set(layer, map);
  }
  return maps;
}

function hasHoles({ fd, size }: DiskFile): boolean {
  return fstatSync(fd).blocks * BLOCK_UNIT < size;
}

/** @returns undefined where the program is not there or cannot tell */
async function mapData({ fd }: DiskFile): Promise<DataMap | undefined> {
  const program = programPath();
  if (program === undefined) return undefined;
  return new Promise((resolve) => {
    const child = spawn(program, [], { stdio: [fd, 'pipe', 'ignore'], env: {} });
    const pieces: Buffer[] = [];
    let bytes = 0;
    child.stdout?.on('data', (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
    });
    child.on('error', () => resolve(undefined));
    child.on('close', (status) => resolve(status === 0 ? parseDataMap(Buffer.concat(pieces)) : undefined));
  });
}

function programPath(): string | undefined {
  try {
    return nativeBinary('boxlite-data-map');
  } catch (thrown) {
    // Not built or not installed: holes are read as the zeros they are.
    if (BoxliteError.isInstance(thrown)) return undefined;
    throw thrown;
  }
}
