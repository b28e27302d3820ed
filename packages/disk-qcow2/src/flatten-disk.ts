import { type DiskLayer, throwIfAborted, toBoxliteError } from '@boxlite/core';
import { ChainReader } from './chain-reader.js';
import { copyDisk } from './copy-disk.js';
import type { DiskContext } from './disk-context.js';
import { invalidArgument, quoted } from './disk-errors.js';
import { requireAbsolutePath } from './disk-file.js';
import { createRawTarget } from './flat-target.js';
import { installDisk } from './install-disk.js';
import { mapRawLayers } from './map-data.js';
import { withChain } from './read-chain.js';
import { StandaloneWriter } from './standalone-writer.js';

/** Settings of {@link flattenDisk}. */
export interface FlattenSettings {
  readonly signal?: AbortSignal | undefined;
  /** Of the flat disk. Default `qcow2`. */
  readonly format?: 'raw' | 'qcow2' | undefined;
}

/**
 * Writes the chain of `path` into one standalone disk at `target`; zeros are left out. The chain must not be written meanwhile.
 * Memory: about 8 MiB, and 2 to 4 MiB of tables for each file of the chain.
 * @throws BoxliteError `aborted`, `disk_invalid`, `disk_chain_invalid`, `invalid_argument` (field `format`), and what `installDisk` throws
 */
export async function flattenDisk(
  path: string,
  target: string,
  context: DiskContext,
  { signal, format = 'qcow2' }: FlattenSettings = {},
): Promise<DiskLayer> {
  requireAbsolutePath(target, 'target');
  if (format !== 'raw' && format !== 'qcow2') {
    throw invalidArgument('format', `format ${quoted(String(format))} is unknown`, 'raw or qcow2');
  }
  const { guard } = context;
  const checkpoint = () => throwIfAborted(signal, `flattening disk ${quoted(path)}`);
  return withChain(
    path,
    'qcow2',
    async (layers) => {
      const virtualSize = layers[0]?.virtualSize ?? 0;
      checkpoint();
      const dataMaps = await mapRawLayers(layers);
      await installDisk(target, context, async (fd) => {
        const flat = format === 'raw' ? createRawTarget(fd, virtualSize) : new StandaloneWriter(fd, virtualSize);
        try {
          await copyDisk(new ChainReader(layers, { once: true, dataMaps }), flat, virtualSize, checkpoint);
          await flat.finish();
        } catch (thrown) {
          throw toBoxliteError(
            thrown,
            'storage_error',
            `disk ${quoted(path)} cannot be flattened to ${quoted(target)}`,
          );
        }
      });
      return { path: target, format, virtualSize };
    },
    { guard },
  );
}
