import { BoxliteError, INITIAL_CREDIT_BYTES, MAX_FRAME_PAYLOAD } from '@boxlite/core';

/** The stdin of a command. */
export interface GuestInput {
  /**
   * Resolves when the bytes are on their way within the agent's credit: a command that does not read holds the writer up.
   * @throws BoxliteError `stopped` when the command has closed its stdin or has ended, or after `end()`
   */
  write(bytes: Uint8Array): Promise<void>;
  /** End-of-file, after everything written. Idempotent. */
  end(): Promise<void>;
}

type SendData = (payload: Uint8Array, end: boolean) => Promise<void>;

/** The sending end of stdin. Writes keep their order, also when the caller does not wait for each. */
export class InputStream implements GuestInput {
  readonly #send: SendData;
  #window = INITIAL_CREDIT_BYTES;
  #tail: Promise<void> = Promise.resolve();
  #closed: Error | undefined;
  #ending: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(send: SendData) {
    this.#send = send;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#ending !== undefined) return Promise.reject(stopped('stdin has been ended'));
    return this.#inOrder(() => this.#sendAll(bytes));
  }

  end(): Promise<void> {
    this.#ending ??= this.#inOrder(async () => {
      // A command that is gone needs no end-of-file.
      if (this.#closed === undefined) await this.#send(new Uint8Array(0), true);
    });
    return this.#ending;
  }

  /** @returns what the agent did wrong, or undefined */
  credit(bytes: number): string | undefined {
    if (bytes === 0 || this.#window + bytes > INITIAL_CREDIT_BYTES) return 'credit for stdin that was never used';
    this.#window += bytes;
    this.#wake();
    return undefined;
  }

  /** Nothing can be written any more; pending and later writes reject with the reason. */
  close(reason: Error): void {
    this.#closed ??= reason;
    this.#wake();
  }

  async #sendAll(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#closed !== undefined) throw this.#closed;
      const size = Math.min(this.#window, MAX_FRAME_PAYLOAD, bytes.length - offset);
      if (size === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#window -= size;
      await this.#send(bytes.subarray(offset, offset + size), false);
      offset += size;
    }
  }

  #inOrder(action: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(action);
    // The next write waits for this one, whether it worked or not; its own caller gets the error.
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** @param why the end of the sentence */
export function stopped(why: string): BoxliteError {
  return new BoxliteError('stopped', `nothing can be written: ${why}`);
}
