import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, type Digest, toBoxliteError } from '@boxlite/core';

/** Where the bytes of a blob go while they arrive. */
export interface BlobSink {
  /** Bytes taken so far. */
  readonly size: number;
  /** @throws BoxliteError `digest_mismatch` as soon as there are too many, `disk_full`, `storage_error` */
  write(chunk: Uint8Array): Promise<void>;
  /** Starts over. */
  reset(): Promise<void>;
  /** As often as wanted. @throws BoxliteError `digest_mismatch` unless size and digest are the expected ones */
  verify(): void;
}

/** A blob being written to a staging file, hashed on the way. */
export class StagedBlob implements BlobSink {
  size = 0;
  private hash: Hash = createHash('sha256');

  private constructor(
    private readonly handle: FileHandle,
    private readonly expected: { readonly digest: Digest; readonly size: number },
  ) {}

  static async create(path: string, expected: { readonly digest: Digest; readonly size: number }): Promise<StagedBlob> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(path, flags, 0o600);
    // Whatever the umask.
    await handle.chmod(0o600);
    return new StagedBlob(handle, expected);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.size + chunk.byteLength > this.expected.size) {
      throw this.mismatch(`it has more than ${this.expected.size} bytes`);
    }
    try {
      let offset = 0;
      while (offset < chunk.byteLength) {
        const { bytesWritten } = await this.handle.write(chunk, offset, chunk.byteLength - offset, this.size + offset);
        offset += bytesWritten;
      }
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `writing blob ${this.expected.digest}`);
    }
    this.hash.update(chunk);
    this.size += chunk.byteLength;
  }

  async reset(): Promise<void> {
    await this.handle.truncate(0);
    this.size = 0;
    this.hash = createHash('sha256');
  }

  verify(): void {
    if (this.size !== this.expected.size) throw this.mismatch(`it has ${this.size} of ${this.expected.size} bytes`);
    const actual = `sha256:${this.hash.copy().digest('hex')}`;
    if (actual !== this.expected.digest) throw this.mismatch(`it is ${actual}`);
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private mismatch(why: string): BoxliteError {
    return new BoxliteError('digest_mismatch', `blob ${this.expected.digest} is not what was asked for: ${why}`, {
      hint: 'the registry or archive holds a damaged image: push it again',
      details: { digest: this.expected.digest },
    });
  }
}
