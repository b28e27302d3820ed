import type { LayerLimits } from './layers/layer-limits.js';

/** The uncompressed tar of one layer, or a function that opens it (called once, when its turn comes). */
export type LayerStream = AsyncIterable<Uint8Array> | (() => AsyncIterable<Uint8Array>);

/** How far a conversion is. */
export interface ConversionProgress {
  /** Index of the layer being read; the number of layers when all are done. */
  readonly layer: number;
  /** Uncompressed bytes read so far. */
  readonly bytes: number;
  /** Entries read so far. */
  readonly entries: number;
}

/** What to convert, and bounds on it (see {@link LayerLimits}). */
export interface ConversionOptions extends Partial<LayerLimits> {
  /** Bottom first. */
  readonly layers: readonly LayerStream[];
  /** Path of the disk; must not exist. */
  readonly target: string;
  /**
   * Bytes the guest sees, a multiple of 4096; default 10 GiB. What is not used costs nothing on the host. `'fit'`: as much as the image needs, with a
   * tenth and 64 MiB to spare, at least {@link minBytes}, in whole block groups of 128 MiB; such a disk can be grown to 1 TiB while it is mounted.
   */
  readonly sizeBytes?: number | 'fit';
  /** The least a `'fit'` disk has; default and minimum 256 MiB. */
  readonly minBytes?: number;
  /** For disks that guests write to; default true. */
  readonly journal?: boolean;
  /** Volume label, at most 16 bytes. */
  readonly label?: string;
  /**
   * Text that names the content (a digest of the layers). The file system's UUID comes from it; default: derived from the names and
   * metadata of the files.
   */
  readonly identity?: string;
  readonly signal?: AbortSignal;
  /** Called at the start of each layer, about once a MiB, and at the end. */
  readonly onProgress?: (progress: ConversionProgress) => void;
}

/** A finished disk. */
export interface ConvertedDisk {
  /** Bytes the guest sees. */
  readonly sizeBytes: number;
  /** Bytes the file system has in use, its own metadata included. */
  readonly usedBytes: number;
  /** Entries read from the layers. */
  readonly entries: number;
}

/**
 * Turns image layers into a disk a guest can mount.
 *
 * `convert` needs no privileges, writes nothing but `target` (mode 0600), makes it durable before it resolves, and removes it when it
 * throws. The same layers and options give the same bytes. Memory grows with the number of files, not with their size.
 * Callers name cached disks by `id` and `version`, so whoever changes the bytes of a converter raises its version.
 */
export interface ImageConverter {
  /** Lower-case letters and digits; also the file extension. */
  readonly id: string;
  readonly version: number;
  convert(options: ConversionOptions): Promise<ConvertedDisk>;
}
