import { DEFAULT_DISK_BYTES } from '../build-image-disk.js';

/**
 * How the disk of an image is laid out. Its key has no size of a box in it: a box's disk is as large as it asks for, and the guest grows the file system
 * to that when it first starts.
 */
export interface DiskLayout {
  /** Part of the disk's key. */
  readonly name: string;
  /** The least it has, in bytes; more where the image needs it. */
  readonly minBytes: number;
}

/**
 * Laid out for the default size by the writer, sparse: that costs a start nothing, while growing to it in the guest takes about 100 ms where it is
 * emulated (bench/README.md).
 */
const STANDARD: DiskLayout = { name: 'fit, default size', minBytes: DEFAULT_DISK_BYTES };
/** For boxes that ask for less. */
const SMALL: DiskLayout = { name: 'fit', minBytes: 0 };

/** Every layout the disk of an image can have. */
export const ALL_LAYOUTS: readonly DiskLayout[] = [STANDARD, SMALL];

/**
 * The layout of the disk a box of a size stands on.
 * @param sizeBytes what the box asks for
 */
export function layoutFor(sizeBytes: number): DiskLayout {
  return sizeBytes >= STANDARD.minBytes ? STANDARD : SMALL;
}
