import type { DiskLayer } from '@boxlite/core';

/**
 * A disk that is open for random access, its whole backing chain with it. Calls may overlap: each begins when the one before has ended.
 * Offsets and lengths are bytes, of any alignment, and must lie inside the disk (`invalid_argument`, field `offset` or `length`).
 *
 * When a write fails in the middle, the disk on file is sound, and this handle refuses to write further (`invalid_state`): open it again.
 */
export interface DiskHandle extends AsyncDisposable {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** Bytes. */
  readonly virtualSize: number;
  /** Every file, the overlay first. */
  readonly chain: readonly DiskLayer[];
  /** @throws BoxliteError `disk_invalid`, `storage_error` */
  read(offset: number, length: number): Promise<Buffer>;
  /**
   * The data is in the file when this resolves; `flush` makes it durable and, where clusters were allocated, found.
   * @throws BoxliteError `invalid_state` for a disk opened to be read, `disk_invalid`, `disk_full`, `storage_error`
   */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes a range read as zeros: whole clusters are freed, the rest is written. */
  writeZeroes(offset: number, length: number): Promise<void>;
  /**
   * Says that a range is not needed any more. Whole clusters of a qcow2 disk are freed and read as zeros, as with QEMU; parts of clusters and raw disks
   * stay as they are.
   */
  discard(offset: number, length: number): Promise<void>;
  /** Returns when everything written before is durable. */
  flush(): Promise<void>;
  /** Writes what `flush` would, without waiting for it to be durable, and closes all files. Calling it again does nothing. */
  close(): Promise<void>;
}
