import { BoxliteError } from '@boxlite/core';
import type { ExpectedBlob } from '../blobs/blob-store.js';
import type { BlobSink } from '../blobs/staged-blob.js';
import { parseContentRange } from './content-range.js';
import type { HttpAnswer } from './http-client.js';
import { brokenTransfer, transient } from './registry-errors.js';

export interface BlobTransferOptions {
  readonly blob: ExpectedBlob;
  readonly sink: BlobSink;
  readonly onBytes: (bytes: number) => void;
  /** In words, for errors. */
  readonly what: string;
  /** Who is asked, for errors. */
  readonly origin: string;
}

/**
 * A blob on its way into a sink, over several attempts. A broken attempt is gone on with by range request; no `ETag` is needed for that,
 * because the digest says whether the parts belong together. When they do not, the blob is fetched from its start once more.
 */
export class BlobTransfer {
  /** The bytes in the sink came by more than one answer. */
  private pieced: boolean;
  /** Cleared when the server cannot be trusted with ranges. */
  private rangesWork = true;

  constructor(private readonly options: BlobTransferOptions) {
    this.pieced = options.sink.size > 0;
  }

  /**
   * @param get asks for the blob, with these headers
   * @param refused makes an error of an answer that is none
   * @throws BoxliteError transient ones when another attempt may do, `digest_mismatch`, what the sink and the body throw
   */
  async attempt(
    get: (headers: Readonly<Record<string, string>>) => Promise<HttpAnswer>,
    refused: (answer: HttpAnswer) => Promise<BoxliteError>,
  ): Promise<void> {
    const { sink, blob } = this.options;
    if (!this.rangesWork && sink.size > 0) await this.startOver();
    // All bytes came before the connection broke, or the blob is empty and was never asked for.
    if (sink.size < blob.size || blob.size === 0) await this.receive(await get(this.headers()), refused);
    await this.verify();
  }

  private headers(): Readonly<Record<string, string>> {
    const { size } = this.options.sink;
    return size > 0 ? { range: `bytes=${size}-` } : {};
  }

  private async receive(answer: HttpAnswer, refused: (answer: HttpAnswer) => Promise<BoxliteError>): Promise<void> {
    const { sink, blob, onBytes, origin, what } = this.options;
    const start = sink.size;
    if (answer.status === 206 || (answer.status === 416 && start > 0)) {
      if (!this.continues(answer, start)) {
        await answer.discard();
        this.rangesWork = false;
        throw transient(this.unusable(`registry ${origin} answers another range than it was asked for`));
      }
      this.pieced = true;
    } else if (answer.status !== 200) {
      throw await refused(answer);
    } else if (start > 0) {
      await this.startOver();
    }
    await this.checkLength(answer);
    for await (const chunk of answer.body) {
      await sink.write(chunk);
      onBytes(sink.size);
    }
    if (sink.size < blob.size) throw brokenTransfer(origin, what, sink.size, blob.size);
  }

  private continues(answer: HttpAnswer, start: number): boolean {
    if (answer.status !== 206 || start === 0) return false;
    const range = parseContentRange(answer.header('content-range'));
    const total = this.options.blob.size;
    return range !== undefined && range.start === start && range.end < total && (range.total ?? total) === total;
  }

  /** A size that is not the blob's shows before its bytes do. */
  private async checkLength(answer: HttpAnswer): Promise<void> {
    const { sink, blob, origin, what } = this.options;
    const header = answer.header('content-length');
    if (header === undefined) return;
    const rest = blob.size - sink.size;
    const length = Number(header);
    // A server may send less of a range than it was asked for.
    if (length === rest || (answer.status === 206 && length < rest)) return;
    await answer.discard();
    throw new BoxliteError(
      'digest_mismatch',
      `${what} is not what was asked for: registry ${origin} has ${sink.size + length} bytes, not ${blob.size}`,
      { hint: 'the registry holds a damaged image: push it again' },
    );
  }

  private async verify(): Promise<void> {
    try {
      this.options.sink.verify();
    } catch (thrown) {
      const { pieced } = this;
      await this.startOver();
      // Either part may have been wrong, or the registry changed what it has between them.
      if (pieced && BoxliteError.isInstance(thrown)) throw transient(thrown);
      throw thrown;
    }
  }

  private async startOver(): Promise<void> {
    await this.options.sink.reset();
    this.pieced = false;
    this.options.onBytes(0);
  }

  private unusable(why: string): BoxliteError {
    return new BoxliteError('network_unavailable', `${this.options.what}: ${why}`, {
      hint: 'the registry or a proxy before it answers range requests wrongly',
      details: { registry: this.options.origin },
    });
  }
}
