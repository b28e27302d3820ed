import { type DiskLayer, throwIfAborted, toBoxliteError } from '@boxlite/core';
import { ChainReader } from './chain-reader.js';
import { quoted } from './disk-errors.js';
import { installDisk, type Staging } from './install-disk.js';
import { CLUSTER_BYTES, COPY_CHUNK_BYTES } from './limits.js';
import { requireAbsolutePath } from './disk-file.js';
import { withChain } from './read-chain.js';
import { StandaloneWriter } from './standalone-writer.js';

const ZERO_CLUSTER = Buffer.alloc(CLUSTER_BYTES);

/** Settings of {@link flattenDisk}. */
export interface FlattenOptions {
  readonly signal: AbortSignal | undefined;
  readonly staging: Staging;
}

/**
 * Writes the chain of `path` into one standalone disk at `target`; clusters of zeros are left out. The chain must not be
 * written meanwhile. Memory: about 2 MiB, and an L2 table (at most 2 MiB) for each file of the chain.
 * @throws BoxliteError `aborted`, `disk_invalid`, `disk_chain_invalid`, `unsupported` (zstd), and what `installDisk` throws
 */
export async function flattenDisk(path: string, target: string, options: FlattenOptions): Promise<DiskLayer> {
  const { signal, staging } = options;
  requireAbsolutePath(target, 'target');
  return withChain(path, 'qcow2', async (layers) => {
    const virtualSize = layers[0]?.virtualSize ?? 0;
    throwIfAborted(signal, `flattening disk ${quoted(path)}`);
    await installDisk(target, staging, async (handle) => {
      const writer = new StandaloneWriter(handle, virtualSize);
      try {
        await copyDisk(new ChainReader(layers, { once: true }), writer, virtualSize, () =>
          throwIfAborted(signal, `flattening disk ${quoted(path)}`),
        );
        await writer.finish();
      } catch (thrown) {
        throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)} cannot be flattened to ${quoted(target)}`);
      }
    });
    return { path: target, format: 'qcow2', virtualSize };
  });
}

async function copyDisk(
  reader: ChainReader,
  writer: StandaloneWriter,
  virtualSize: number,
  checkpoint: () => void,
): Promise<void> {
  const chunk = Buffer.alloc(COPY_CHUNK_BYTES);
  let offset = 0;
  while (offset < virtualSize) {
    checkpoint();
    const range = await reader.locate(offset, virtualSize - offset);
    const zeroClusters = range.kind === 'zero' ? Math.floor(range.length / CLUSTER_BYTES) : 0;
    if (zeroClusters > 0) {
      offset += zeroClusters * CLUSTER_BYTES;
      continue;
    }
    const length = Math.min(COPY_CHUNK_BYTES, virtualSize - offset);
    await reader.read(offset, chunk.subarray(0, length));
    const padded = chunk.subarray(0, Math.ceil(length / CLUSTER_BYTES) * CLUSTER_BYTES).fill(0, length);
    await writeUnlessZero(writer, offset / CLUSTER_BYTES, padded);
    offset += padded.length;
  }
}

/** Stores the runs of clusters that are not all zeros. */
async function writeUnlessZero(writer: StandaloneWriter, firstCluster: number, bytes: Buffer): Promise<void> {
  const count = bytes.length / CLUSTER_BYTES;
  let runStart: number | undefined;
  for (let index = 0; index <= count; index++) {
    const at = index * CLUSTER_BYTES;
    const zero = index === count || ZERO_CLUSTER.compare(bytes, at, at + CLUSTER_BYTES) === 0;
    if (!zero) runStart ??= index;
    else if (runStart !== undefined) {
      await writer.write(firstCluster + runStart, bytes.subarray(runStart * CLUSTER_BYTES, at));
      runStart = undefined;
    }
  }
}
