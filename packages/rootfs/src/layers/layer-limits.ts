import { getHeapStatistics } from 'node:v8';
import { BoxliteError } from '@boxlite/core';
import { type ByteString, displayName } from '../tree/image-node.js';

/** Bounds on what an image may make the host do. Exceeding one is `resource_exhausted` with the option in `details.field`. */
export interface LayerLimits {
  /** Most uncompressed bytes of all layers together, headers included; default 20 GiB. */
  readonly maxBytes: number;
  /** Most entries of all layers together, and most files and directories, those nobody described included; default 5 million. */
  readonly maxEntries: number;
  /** Most bytes of the name of an entry, and of the target of a hard link; default 4096. */
  readonly maxPathBytes: number;
  /** Most directories between the root and an entry, symlinks resolved; default 4096. */
  readonly maxDepth: number;
  /** Most names in one directory; default 1 million. */
  readonly maxDirectoryEntries: number;
  /** Most bytes of extended attributes of one file, names and values together; default 64 KiB. */
  readonly maxXattrBytes: number;
  /** Most extended attributes of one file; default 256. */
  readonly maxXattrNames: number;
  /** Most bytes of one extended header: pax records, a GNU long name or a sparse map; default 1 MiB. */
  readonly maxHeaderBytes: number;
  /**
   * Most bytes of memory for what is remembered of the files: names, link targets, attributes, owners, extents. Files that a later layer
   * removes count as well. At least 4 MiB are needed. Default 1 GiB, but at most half of the heap Node.js was given.
   */
  readonly maxMetadataBytes: number;
  /** Most components walked to find the places of all entries, those of symlinks on the way included; default 500 million. */
  readonly maxPathSteps: number;
}

/** 20 GiB is what the established tools allow an image to unpack to. */
export const DEFAULT_LAYER_LIMITS: LayerLimits = {
  maxBytes: 20 * 1024 ** 3,
  maxEntries: 5_000_000,
  // Linux PATH_MAX.
  maxPathBytes: 4096,
  // A path of 4096 bytes has at most 2048 components; symlinks reach deeper.
  maxDepth: 4096,
  maxDirectoryEntries: 1_000_000,
  // Linux XATTR_SIZE_MAX and XATTR_LIST_MAX; ext4 with 4 KiB blocks holds less.
  maxXattrBytes: 64 * 1024,
  maxXattrNames: 256,
  maxHeaderBytes: 1024 ** 2,
  maxMetadataBytes: Math.min(1024 ** 3, Math.floor(getHeapStatistics().heap_size_limit / 2)),
  maxPathSteps: 500_000_000,
};

/** Linux NAME_MAX. */
export const MAX_NAME_BYTES = 255;
/** Linux PATH_MAX, with the NUL at its end: a symlink's target is shorter. */
export const MAX_TARGET_BYTES = 4096;
/** Symlinks followed for one path before it counts as a loop (Linux MAXSYMLINKS). */
export const MAX_SYMLINKS = 40;
/** Components walked for one path, those of symlinks on the way included. */
export const MAX_STEPS = 8192;
/** Names of one file (ext4: EXT4_LINK_MAX). */
export const MAX_HARD_LINKS = 65_000;

/**
 * The limits to keep: those given, the defaults for all others.
 * @throws BoxliteError `invalid_argument` for what is no positive whole number
 */
export function layerLimitsOf(given: Partial<LayerLimits>): LayerLimits {
  const limits: { -readonly [key in keyof LayerLimits]: number } = { ...DEFAULT_LAYER_LIMITS };
  for (const option of Object.keys(limits) as (keyof LayerLimits)[]) {
    const value = given[option];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new BoxliteError('invalid_argument', `${option} is ${value}`, {
        hint: `give ${option} a positive whole number, or leave it out for ${limits[option]}`,
        details: { field: option },
      });
    }
    limits[option] = value;
  }
  return limits;
}

/** The error for an image that exceeds a limit. */
export function limitExceeded(
  option: keyof LayerLimits,
  limit: number,
  reason: string,
  entry?: ByteString,
): BoxliteError {
  const where = entry === undefined ? 'the layers' : `layer entry ${JSON.stringify(displayName(entry.slice(0, 512)))}`;
  return new BoxliteError('resource_exhausted', `${where}: ${reason}`, {
    hint: `use a smaller image, or raise ${option} if you trust this one`,
    details: { field: option, limit, ...(entry === undefined ? {} : { entry: displayName(entry.slice(0, 4096)) }) },
  });
}
