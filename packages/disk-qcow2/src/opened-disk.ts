import { BoxliteError, type DiskLayer } from '@boxlite/core';
import type { ChainReader } from './chain-reader.js';
import { invalidArgument, quoted } from './disk-errors.js';
import type { DiskHandle } from './disk-handle.js';
import { describeLayer, type OpenChain } from './read-chain.js';

/** What writes the overlay. */
export interface DiskWriter {
  write(offset: number, bytes: Buffer): Promise<void>;
  zeroClusters(offset: number, length: number): Promise<void>;
  /** Brings everything to the files, in order. */
  commit(): Promise<void>;
  flush(): Promise<void>;
}

/** Zeros written at a time where no cluster can be freed. */
const ZEROS = Buffer.alloc(2 ** 18);

/** A {@link DiskHandle}: checks arguments, and lets one call run after another. */
export class OpenedDisk implements DiskHandle {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly virtualSize: number;
  readonly chain: readonly DiskLayer[];
  readonly #open: OpenChain;
  readonly #reader: ChainReader;
  readonly #writer: DiskWriter | undefined;
  readonly #clusterBytes: number | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #failure: unknown;
  #closed: Promise<void> | undefined;

  /** @param clusterBytes of a disk whose clusters can be freed */
  constructor(open: OpenChain, reader: ChainReader, writer: DiskWriter | undefined, clusterBytes?: number) {
    const { path, format, virtualSize } = open.top;
    this.path = path;
    this.format = format;
    this.virtualSize = virtualSize;
    this.chain = open.layers.map(describeLayer);
    this.#open = open;
    this.#reader = reader;
    this.#writer = writer;
    this.#clusterBytes = clusterBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#requireInside(offset, length);
    return this.#inTurn(async () => {
      const bytes = Buffer.alloc(length);
      await this.#reader.read(offset, bytes);
      return bytes;
    });
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#requireInside(offset, bytes.length);
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    await this.#change((writer) => writer.write(offset, content));
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#requireInside(offset, length);
    const { from, to } = this.#wholeClusters(offset, length);
    await this.#change(async (writer) => {
      if (from >= to) return this.#storeZeros(writer, offset, length);
      await this.#storeZeros(writer, offset, from - offset);
      await writer.zeroClusters(from, to - from);
      await this.#storeZeros(writer, to, offset + length - to);
    });
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#requireInside(offset, length);
    const { from, to } = this.#wholeClusters(offset, length);
    await this.#change(async (writer) => {
      if (from < to) await writer.zeroClusters(from, to - from);
    });
  }

  async flush(): Promise<void> {
    if (this.#writer !== undefined) await this.#change((writer) => writer.flush());
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeAfter(this.#last);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #closeAfter(last: Promise<unknown>): Promise<void> {
    await Promise.allSettled([last]);
    try {
      if (this.#failure === undefined) await this.#writer?.commit();
    } finally {
      this.#open.close();
    }
  }

  /** Writes zeros where the disk does not read as zeros already. */
  async #storeZeros(writer: DiskWriter, offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const range = await this.#reader.locate(offset + done, Math.min(ZEROS.length, length - done));
      if (range.kind !== 'zero') await writer.write(offset + done, ZEROS.subarray(0, range.length));
      done += range.length;
    }
  }

  /** The clusters that lie wholly in a range; the last of the disk may be cut short. */
  #wholeClusters(offset: number, length: number): { readonly from: number; readonly to: number } {
    const cluster = this.#clusterBytes;
    if (cluster === undefined) return { from: offset, to: offset };
    const end = offset + length;
    const to = end === this.virtualSize ? end : end - (end % cluster);
    return { from: Math.ceil(offset / cluster) * cluster, to };
  }

  async #change(work: (writer: DiskWriter) => Promise<void>): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) throw this.#wrongState('it was opened to be read', 'open it with mode "write"');
    await this.#inTurn(async () => {
      if (this.#failure !== undefined) {
        throw this.#wrongState('a write has failed before', 'open it again', this.#failure);
      }
      try {
        await work(writer);
      } catch (thrown) {
        this.#failure = thrown;
        throw thrown;
      }
    });
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw this.#wrongState('it is closed', 'open it again');
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }

  #requireInside(offset: number, length: number): void {
    const size = this.virtualSize;
    for (const [field, value, most] of [
      ['offset', offset, size],
      ['length', length, size - offset],
    ] as const) {
      if (Number.isSafeInteger(value) && value >= 0 && value <= most) continue;
      throw invalidArgument(field, `${field} ${value} is not inside the ${size} bytes of the disk`, 'give whole bytes');
    }
  }

  #wrongState(why: string, hint: string, cause?: unknown): BoxliteError {
    return new BoxliteError('invalid_state', `disk ${quoted(this.path)} cannot be used so: ${why}`, {
      hint,
      details: { path: this.path },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
