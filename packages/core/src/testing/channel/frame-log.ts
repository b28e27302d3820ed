import type { GuestChannel } from '../../contracts/guest-channel.js';
import { type Frame, FrameType } from '../../wire/frame.js';

/** Everything a channel delivers, to be awaited. */
export class FrameLog {
  readonly frames: Frame[] = [];
  /** Resolves with the reason when the channel closes. */
  readonly closed: Promise<Error>;
  readonly #waiting = new Set<{ matches(frame: Frame): boolean; resolve(frame: Frame): void }>();

  constructor(channel: GuestChannel) {
    this.closed = new Promise((resolve) => channel.onClose(resolve));
    channel.onFrame((given) => {
      // Payloads are views of received memory.
      const frame = { ...given, payload: given.payload.slice() };
      this.frames.push(frame);
      for (const waiter of this.#waiting) {
        if (!waiter.matches(frame)) continue;
        this.#waiting.delete(waiter);
        waiter.resolve(frame);
      }
    });
  }

  /** The first frame that matches, which may have come already. Rejects when the channel closes before. */
  next(matches: (frame: Frame) => boolean): Promise<Frame> {
    const found = this.frames.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      this.#waiting.add({ matches, resolve });
      void this.closed.then(reject);
    });
  }

  async response(stream: number, text: string): Promise<void> {
    await this.next((frame) => frame.type === FrameType.RESPONSE && frame.stream === stream && textOf(frame) === text);
  }

  responses(stream: number): readonly string[] {
    return this.frames.filter((frame) => frame.type === FrameType.RESPONSE && frame.stream === stream).map(textOf);
  }
}

function textOf({ payload }: Frame): string {
  return new TextDecoder().decode(payload);
}
