import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { toBoxliteError } from '@boxlite/core';

/** Writes are gathered to this size: fewer calls, and blocks of many small files go out together. */
const BUFFER_BYTES = 1024 * 1024;
/** Full buffers that may wait before `drain` makes the producer wait too. */
const MAX_PENDING = 2;
/** After so many bytes the disk is told to begin: at the end little is left to wait for. */
const FLUSH_BYTES = 64 * 1024 * 1024;

/**
 * The file an image is written to. `put` copies into a buffer and never waits; the producer calls {@link drain} between pieces of
 * input, which bounds memory. What is never put stays a hole.
 */
export class ImageFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #pool: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #start = 0;
  #fill = 0;
  /** Writes under way or waiting, the oldest first; each begins when the one before has ended. */
  readonly #writes: Promise<void>[] = [];
  /** The flush under way, if any. */
  #flush: Promise<void> = Promise.resolve();
  #isFlushing = false;
  #unflushed = 0;
  #failure: unknown;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * @param path must not exist
   * @param sizeBytes length of the (sparse) file; 0 when it is not known before {@link finish}
   * @throws BoxliteError `storage_error`, `disk_full`
   */
  static async create(path: string, sizeBytes: number): Promise<ImageFile> {
    try {
      const handle = await open(
        path,
        constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
        0o600,
      );
      const file = new ImageFile(path, handle);
      try {
        await handle.chmod(0o600);
        await handle.truncate(sizeBytes);
      } catch (thrown) {
        await file.discard();
        throw thrown;
      }
      return file;
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `creating the image disk ${path}`);
    }
  }

  /** Copies `bytes` to be written at `offset`. */
  put(offset: number, bytes: Uint8Array): void {
    if (offset !== this.#start + this.#fill) this.#submit(offset);
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(bytes.length - from, BUFFER_BYTES - this.#fill);
      this.#buffer.set(bytes.subarray(from, from + count), this.#fill);
      this.#fill += count;
      from += count;
      if (this.#fill === BUFFER_BYTES) this.#submit(this.#start + this.#fill);
    }
  }

  /** Waits until few enough writes are under way. @throws BoxliteError what an earlier write failed with */
  async drain(): Promise<void> {
    while (this.#writes.length > MAX_PENDING && this.#failure === undefined) await this.#writes[0];
    if (this.#failure !== undefined) {
      throw toBoxliteError(this.#failure, 'storage_error', `writing the image disk ${this.path}`);
    }
  }

  /** Writes everything out, gives the file its length, makes it durable and closes it. */
  async finish(sizeBytes: number): Promise<void> {
    this.#submit(0);
    await this.#settled();
    await this.drain();
    try {
      await this.#handle.truncate(sizeBytes);
      await this.#handle.sync();
      await this.#handle.close();
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `writing the image disk ${this.path}`);
    }
  }

  /** Closes and removes the file. Safe at any time, also twice. */
  async discard(): Promise<void> {
    await this.#settled();
    try {
      await this.#handle.close();
    } finally {
      await rm(this.path, { force: true });
    }
  }

  #submit(nextStart: number): void {
    if (this.#fill > 0) {
      const buffer = this.#buffer;
      const length = this.#fill;
      const position = this.#start;
      this.#buffer = this.#pool.pop() ?? Buffer.allocUnsafe(BUFFER_BYTES);
      const before = this.#writes[this.#writes.length - 1];
      this.#writes.push(this.#write(before, buffer, length, position));
    }
    this.#fill = 0;
    this.#start = nextStart;
  }

  /** Never rejects. */
  async #write(before: Promise<void> | undefined, buffer: Buffer, length: number, position: number): Promise<void> {
    await before;
    try {
      if (this.#failure === undefined) await this.#writeFully(buffer, length, position);
    } catch (thrown) {
      // Kept for drain() and finish(): put() has no caller that could await this.
      this.#failure = thrown;
    }
    this.#writes.shift();
    if (this.#pool.length < MAX_PENDING) this.#pool.push(buffer);
    this.#unflushed += length;
    if (this.#unflushed >= FLUSH_BYTES && !this.#isFlushing && this.#failure === undefined)
      this.#flush = this.#flushSoFar();
  }

  /** Never rejects. */
  async #flushSoFar(): Promise<void> {
    this.#isFlushing = true;
    this.#unflushed = 0;
    try {
      await this.#handle.datasync();
    } catch (thrown) {
      this.#failure = thrown;
    }
    this.#isFlushing = false;
  }

  /** Waits until nothing is under way. */
  async #settled(): Promise<void> {
    await this.#writes[this.#writes.length - 1];
    await this.#flush;
  }

  async #writeFully(buffer: Buffer, length: number, position: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const { bytesWritten } = await this.#handle.write(buffer, done, length - done, position + done);
      done += bytesWritten;
    }
  }
}
