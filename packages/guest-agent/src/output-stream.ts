import { BoxliteError, INITIAL_CREDIT_BYTES } from '@boxlite/core';

/** Half a window at a time: the agent never waits for a consumer that keeps up, and credit frames are rare. */
const GRANT_THRESHOLD = INITIAL_CREDIT_BYTES / 2;
/** Above this many queued chunks they are joined, so that a hostile agent's one-byte frames cannot cost more than their bytes. */
const MAX_QUEUED_CHUNKS = 64;

/** The bytes of stdout or stderr. Iterated once; what is not consumed is not granted again, so memory stays below one window. */
export interface GuestOutput extends AsyncIterable<Uint8Array> {
  /** Throw away what is there and what comes, so that the command is never held up by this stream. */
  discard(): void;
}

/**
 * The receiving end of one channel.
 * @param name for messages
 * @param grant called with bytes the agent may send again
 */
export class OutputStream implements GuestOutput {
  readonly #name: string;
  readonly #grant: (bytes: number) => void;
  #queue: Uint8Array[] = [];
  #window = INITIAL_CREDIT_BYTES;
  #consumed = 0;
  #ended = false;
  #failure: Error | undefined;
  #discarding = false;
  #taken = false;
  #wake: () => void = () => undefined;

  constructor(name: string, grant: (bytes: number) => void) {
    this.#name = name;
    this.#grant = grant;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @returns what the agent did wrong, or undefined */
  push(payload: Uint8Array): string | undefined {
    if (this.#ended) return `data on ${this.#name} after its end`;
    if (payload.length === 0) return `empty data on ${this.#name}`;
    if (payload.length > this.#window) return `more data on ${this.#name} than was granted`;
    this.#window -= payload.length;
    if (this.#discarding) {
      this.#release(payload.length);
      return undefined;
    }
    this.#queue.push(ownBytes(payload));
    if (this.#queue.length > MAX_QUEUED_CHUNKS) this.#queue = [Buffer.concat(this.#queue)];
    this.#wake();
    return undefined;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Ends the stream with an error, after what is queued. */
  fail(reason: Error): void {
    if (this.#ended) return;
    this.#failure = reason;
    this.end();
  }

  discard(): void {
    this.#discarding = true;
    const queued = this.#queue.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#queue = [];
    this.#release(queued);
    this.#wake();
  }

  /** @throws BoxliteError `invalid_state` for a second consumer; at the end what the stream failed with */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#taken) {
      throw new BoxliteError('invalid_state', `${this.#name} of this execution is being read already`, {
        hint: 'iterate each stream once; fan out from there',
      });
    }
    this.#taken = true;
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<Uint8Array, void, void> {
    let inHand = 0;
    try {
      for (;;) {
        const chunk = this.#queue.shift();
        if (chunk !== undefined) {
          inHand = chunk.length;
          yield chunk;
          inHand = 0;
          this.#release(chunk.length);
        } else if (this.#failure !== undefined) {
          throw this.#failure;
        } else if (this.#ended || this.#discarding) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      // A consumer that leaves early must not leave the command blocked, nor shorten its window by the chunk it left with.
      this.#release(inHand);
      this.discard();
    }
  }

  #release(bytes: number): void {
    this.#consumed += bytes;
    if (this.#ended || this.#consumed < GRANT_THRESHOLD) return;
    const granted = this.#consumed;
    this.#consumed = 0;
    this.#window += granted;
    this.#grant(granted);
  }
}

/** Payloads are views of received memory; a small one must not keep a large buffer alive. */
function ownBytes(payload: Uint8Array): Uint8Array {
  return payload.length * 2 < payload.buffer.byteLength ? payload.slice() : payload;
}
