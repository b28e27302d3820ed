import { toBoxliteError } from '@boxlite/core';
import { quoted } from '../disk-errors.js';
import { type DiskFile, readInto, syncData, writeAt } from '../disk-file.js';

/** A file that is being written: knows its end, and whether anything waits for a sync. */
export class WritableFile {
  readonly disk: DiskFile;
  #end: number;
  #isSynced = true;

  constructor(disk: DiskFile) {
    this.disk = disk;
    this.#end = disk.size;
  }

  get path(): string {
    return this.disk.path;
  }

  /** Bytes of the file. */
  get end(): number {
    return this.#end;
  }

  /** Fills `into`; zeros past the end. */
  async read(position: number, into: Buffer): Promise<void> {
    into.fill(0, await readInto(this.disk, position, into));
  }

  /** Writes the pieces one after another from `position` on. */
  async write(position: number, ...pieces: readonly Buffer[]): Promise<void> {
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#isSynced = false;
    try {
      await writeAt(this.disk.fd, position, ...pieces);
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(this.path)}: cannot be written`);
    }
    this.#end = Math.max(this.#end, position + total);
  }

  /** Returns when everything written before is durable; at once when nothing was written since the last time. */
  async sync(): Promise<void> {
    if (this.#isSynced) return;
    try {
      await syncData(this.disk.fd);
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(this.path)}: cannot be made durable`);
    }
    this.#isSynced = true;
  }
}
