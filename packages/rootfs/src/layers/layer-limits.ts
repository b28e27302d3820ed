/** Bounds on what an image may make the host do. Names are in bytes. */
export interface LayerLimits {
  /** Uncompressed bytes of all layers together, headers included. */
  readonly maxBytes: number;
  /** Entries of all layers together. */
  readonly maxEntries: number;
}

/** 20 GiB is what the established tools allow an image to unpack to; 5 million entries keep the tree in memory. */
export const DEFAULT_LAYER_LIMITS: LayerLimits = { maxBytes: 20 * 1024 ** 3, maxEntries: 5_000_000 };

/** Linux NAME_MAX. */
export const MAX_NAME_BYTES = 255;
/** Linux PATH_MAX, without its terminating NUL also the longest symlink target. */
export const MAX_PATH_BYTES = 4096;
/** Symlinks followed for one path before it counts as a loop (Linux MAXSYMLINKS). */
export const MAX_SYMLINKS = 40;
/** Directories below one another, symlinks resolved. A path of 4096 bytes has at most 2048. */
export const MAX_DEPTH = 4096;
/** Components walked for one path, those of symlinks on the way included: bounds the work one entry can cause. */
export const MAX_STEPS = 8192;
