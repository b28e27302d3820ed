import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { diskInvalid } from '../disk-errors.js';
import type { Qcow2Header } from '../header.js';
import { measureZstdFrame } from './zstd-frame.js';

const inflate = promisify(inflateRaw);

/**
 * One whole cluster from its packed sectors, whose end is of other clusters or nothing. Memory: the cluster.
 * @param fileOffset where the sectors lie, for messages
 * @throws BoxliteError `disk_invalid` (field `compressed_cluster`)
 */
export async function decompressCluster(
  packed: Buffer,
  fileOffset: number,
  header: Pick<Qcow2Header, 'clusterBits' | 'compression'>,
  path: string,
): Promise<Buffer> {
  const clusterBytes = 2 ** header.clusterBits;
  const refuse = (why: string, cause?: unknown) =>
    diskInvalid(path, 'compressed_cluster', `at ${fileOffset}: ${why}`, cause);
  let cluster: Buffer;
  try {
    cluster =
      header.compression === 'zstd'
        ? await unpackZstd(packed, clusterBytes)
        : await inflate(packed, { maxOutputLength: clusterBytes });
  } catch (cause) {
    throw refuse('it cannot be decompressed', cause);
  }
  if (cluster.length !== clusterBytes) throw refuse(`${cluster.length} bytes, not a cluster`);
  return cluster;
}

/** Into a buffer of its own size: the library then allocates no window, however large the frame wants one. */
async function unpackZstd(packed: Buffer, clusterBytes: number): Promise<Buffer> {
  const frame = measureZstdFrame(packed);
  if (frame === undefined) throw new RangeError('there is no whole zstd frame');
  const { length, contentBytes = clusterBytes } = frame;
  if (contentBytes !== clusterBytes) throw new RangeError(`the zstd frame holds ${contentBytes} bytes`);
  // Loaded here: our own disks have no such clusters.
  const { decompress } = await import('fzstd');
  const cluster = Buffer.alloc(clusterBytes);
  decompress(packed.subarray(0, length), cluster);
  return cluster;
}
