import { DEFAULT_DISK_BYTES } from '../build-image-disk.js';

/** How a disk is laid out. The guest grows its file system to the size the box asks for, so that boxes of all sizes share a disk. */
export interface DiskLayout {
  /** Part of the disk's key. */
  readonly name: string;
  /** Bytes. */
  readonly sizeBytes: number;
}

/**
 * The layout of the disk a box of a size stands on. The default size is laid out by the writer, sparse, because that costs a start nothing;
 * larger ones grow from it.
 * @param sizeBytes what the box asks for
 */
export function layoutFor(sizeBytes: number): DiskLayout {
  const laidOut = Math.min(sizeBytes, DEFAULT_DISK_BYTES);
  return { name: String(laidOut), sizeBytes: laidOut };
}

const BYTES_PER_GIB = 1024 ** 3;

/** Every layout the disk of an image can have, whatever a box asks for. */
export const ALL_LAYOUTS: readonly DiskLayout[] = Array.from(
  { length: DEFAULT_DISK_BYTES / BYTES_PER_GIB },
  (_none, index) => layoutFor((index + 1) * BYTES_PER_GIB),
);
