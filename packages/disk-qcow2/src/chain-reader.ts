import { ClusterMap, type Extent } from './cluster-map.js';
import { decompressCluster } from './compressed/decompress-cluster.js';
import type { DataMap } from './data-map.js';
import { diskInvalid } from './disk-errors.js';
import { readAt, readInto } from './disk-file.js';
import { FileTables, type TableSource } from './file-tables.js';
import type { Qcow2Header } from './header.js';
import type { OpenLayer } from './read-chain.js';

/** Deflate cannot expand more than this (zlib's technical notes, "Maximum Compression Factor"). */
const MAX_DEFLATE_RATIO = 1032;
/** Bytes of the smallest zstd frame of a cluster: magic, descriptor, size of 4 bytes, one block of a repeated byte (RFC 8878). */
const MIN_ZSTD_FRAME_BYTES = 13;

/** One file of the chain, and how many of the disk's bytes it may still give. */
interface Source {
  readonly layer: OpenLayer;
  readonly map: ClusterMap | undefined;
  readonly dataMap: DataMap | undefined;
  plainBytesLeft: number;
  inflatedBytesLeft: number;
}

/** Settings of a {@link ChainReader}. */
export interface ChainReaderOptions {
  /**
   * Each byte is read once: a file whose tables name the same clusters over and over is found out when it has given more than
   * it can hold.
   */
  readonly once: boolean;
  /** Tables of the overlay that are newer than its file. */
  readonly tables?: TableSource;
  /** Where raw files, which nobody writes meanwhile, have holes. */
  readonly dataMaps?: ReadonlyMap<OpenLayer, DataMap>;
}

/** The bytes a range of a disk has, through its chain: zeros, or something stored that `read` fetches. */
export type StoredRange =
  | { readonly kind: 'zero'; readonly length: number }
  | { readonly kind: 'stored'; readonly length: number; read(into: Buffer): Promise<void> };

/** Reads the bytes a guest would see through an open backing chain. */
export class ChainReader {
  readonly #sources: readonly Source[];

  /** @param layers the overlay first; they stay open for as long as this is used */
  constructor(layers: readonly OpenLayer[], { once, tables, dataMaps }: ChainReaderOptions) {
    this.#sources = layers.map((layer, index) => {
      const { disk, header } = layer;
      const own = index === 0 ? tables : undefined;
      return {
        layer,
        map: header && new ClusterMap(layer.path, header, own ?? new FileTables(disk, header)),
        dataMap: dataMaps?.get(layer),
        // The last cluster may be written in part only: a cluster is at most 2 MiB.
        plainBytesLeft: once ? disk.size + 2 ** 21 : Number.POSITIVE_INFINITY,
        inflatedBytesLeft: once ? disk.size * maxInflation(header) : Number.POSITIVE_INFINITY,
      };
    });
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
      if (map === undefined) {
        const { isData, length: known } = source.dataMap?.at(offset, length) ?? { isData: true, length };
        return isData ? stored(known, (into) => readPlain(source, offset, into)) : { kind: 'zero', length: known };
      }
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

function maxInflation(header: Qcow2Header | undefined): number {
  return header?.compression === 'zstd' ? 2 ** header.clusterBits / MIN_ZSTD_FRAME_BYTES : MAX_DEFLATE_RATIO;
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
  if (header === undefined) return;
  const packed = await readAt(disk, extent.fileOffset, extent.fileBytes);
  const cluster = await decompressCluster(packed, extent.fileOffset, header, path);
  cluster.copy(into, 0, extent.skip, extent.skip + into.length);
}

function namesClustersTwice({ layer }: Source): ReturnType<typeof diskInvalid> {
  return diskInvalid(layer.path, 'l2_table', 'it names more data than the file holds: clusters are used twice');
}
