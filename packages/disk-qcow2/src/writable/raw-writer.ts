import type { DiskFile } from '../disk-file.js';
import { WritableFile } from './writable-file.js';

/** Writes a raw disk. Node has no call to free a part of a file. */
export class RawWriter {
  readonly #file: WritableFile;

  constructor(disk: DiskFile) {
    this.#file = new WritableFile(disk);
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    await this.#file.write(offset, bytes);
  }

  async zeroClusters(): Promise<void> {
    throw new TypeError('a raw disk has no clusters to free');
  }

  async commit(): Promise<void> {
    // There is nothing but data, which is in the file already.
  }

  async flush(): Promise<void> {
    await this.#file.sync();
  }
}
