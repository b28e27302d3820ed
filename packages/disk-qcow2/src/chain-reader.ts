import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { BoxliteError } from '@boxlite/core';
import { ClusterMap, type Extent } from './cluster-map.js';
import { diskInvalid, quoted } from './disk-errors.js';
import { readAt, readInto } from './open-disk.js';
import type { OpenLayer } from './read-chain.js';

const inflate = promisify(inflateRaw);

/** Deflate cannot expand more than this (zlib's technical notes, "Maximum Compression Factor"). */
const MAX_INFLATE_RATIO = 1032;

/** One file of the chain, and how many of the disk's bytes it may still give. */
interface Source {
  readonly layer: OpenLayer;
  readonly map: ClusterMap | undefined;
  plainBytesLeft: number;
  inflatedBytesLeft: number;
}

/** The bytes a range of a disk has, through its chain: zeros, or something stored that `read` fetches. */
export type StoredRange =
  | { readonly kind: 'zero'; readonly length: number }
  | { readonly kind: 'stored'; readonly length: number; read(into: Buffer): Promise<void> };

/**
 * Reads the bytes a guest would see through an open backing chain, each once: a file whose tables name the same clusters over and over
 * is found out when it has given more than it can hold.
 */
export class ChainReader {
  readonly #sources: readonly Source[];

  /** @param layers the overlay first; they stay open for as long as this is used */
  constructor(layers: readonly OpenLayer[]) {
    this.#sources = layers.map((layer) => ({
      layer,
      map: layer.header && new ClusterMap(layer.disk, layer.header),
      // The last cluster may be written in part only: a cluster is at most 2 MiB.
      plainBytesLeft: layer.disk.size + 2 ** 21,
      inflatedBytesLeft: layer.disk.size * MAX_INFLATE_RATIO,
    }));
  }

  /**
   * What the disk holds at `offset`, for as far as that is one piece, at most `limit` bytes.
   * @throws BoxliteError `disk_invalid`
   */
  async locate(offset: number, limit: number): Promise<StoredRange> {
    let length = limit;
    for (const source of this.#sources) {
      const { layer, map } = source;
      // A file shorter than the ones over it reads as zeros past its end.
      if (offset >= layer.virtualSize) return { kind: 'zero', length };
      length = Math.min(length, layer.virtualSize - offset);
      if (map === undefined) return stored(length, (into) => readPlain(source, offset, into));
      const extent = await map.extentAt(offset, length);
      length = extent.length;
      if (extent.kind === 'zero') return { kind: 'zero', length };
      if (extent.kind === 'data') return stored(length, (into) => readPlain(source, extent.fileOffset, into));
      if (extent.kind === 'compressed') return stored(length, (into) => readCompressed(source, extent, into));
    }
    return { kind: 'zero', length };
  }

  /** Fills `into` with the disk's bytes from `offset` on; all of it must be inside the disk. */
  async read(offset: number, into: Buffer): Promise<void> {
    let filled = 0;
    while (filled < into.length) {
      const range = await this.locate(offset + filled, into.length - filled);
      const part = into.subarray(filled, filled + range.length);
      if (range.kind === 'zero') part.fill(0);
      else await range.read(part);
      filled += range.length;
    }
  }
}

function stored(length: number, read: (into: Buffer) => Promise<void>): StoredRange {
  return { kind: 'stored', length, read };
}

/** Bytes past the end of a file are zeros: the last cluster may be written in part only. */
async function readPlain(source: Source, fileOffset: number, into: Buffer): Promise<void> {
  source.plainBytesLeft -= into.length;
  if (source.plainBytesLeft < 0 && source.map !== undefined) throw namesClustersTwice(source);
  into.fill(0, await readInto(source.layer.disk, fileOffset, into));
}

async function readCompressed(source: Source, extent: Extent & { kind: 'compressed' }, into: Buffer): Promise<void> {
  source.inflatedBytesLeft -= into.length;
  if (source.inflatedBytesLeft < 0) throw namesClustersTwice(source);
  const { disk, header, path } = source.layer;
  if (header?.compression === 'zstd') {
    throw new BoxliteError('unsupported', `disk ${quoted(path)} has clusters compressed with zstd`, {
      hint: 'convert it with `qemu-img convert -O qcow2` first',
      details: { path, field: 'compression_type' },
    });
  }
  const clusterBytes = 2 ** (header?.clusterBits ?? 0);
  const packed = await readAt(disk, extent.fileOffset, extent.fileBytes);
  let cluster: Buffer;
  try {
    cluster = await inflate(packed, { maxOutputLength: clusterBytes });
  } catch (cause) {
    throw diskInvalid(path, 'compressed_cluster', `at ${extent.fileOffset}: it cannot be decompressed`, cause);
  }
  if (cluster.length !== clusterBytes) {
    throw diskInvalid(path, 'compressed_cluster', `at ${extent.fileOffset}: ${cluster.length} bytes, not a cluster`);
  }
  cluster.copy(into, 0, extent.skip, extent.skip + into.length);
}

function namesClustersTwice({ layer }: Source): BoxliteError {
  return diskInvalid(layer.path, 'l2_table', 'it names more data than the file holds: clusters are used twice');
}
