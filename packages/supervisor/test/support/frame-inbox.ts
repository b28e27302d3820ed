import type { Frame, GuestChannel } from '@boxlite/core';

/** The frames of a channel, to be awaited. */
export class FrameInbox {
  readonly frames: Frame[] = [];
  readonly closed: Promise<Error>;
  #waiting: { readonly matches: (frame: Frame) => boolean; readonly resolve: (frame: Frame) => void }[] = [];

  constructor(channel: GuestChannel) {
    this.closed = new Promise((resolve) => channel.onClose(resolve));
    channel.onFrame((frame) => {
      this.frames.push(frame);
      const found = this.#waiting.filter(({ matches }) => matches(frame));
      this.#waiting = this.#waiting.filter((waiter) => !found.includes(waiter));
      for (const { resolve } of found) resolve(frame);
    });
  }

  /** The first frame of a type (and stream), which may have come already. */
  next(type: number, stream?: number): Promise<Frame> {
    const matches = (frame: Frame) => frame.type === type && (stream === undefined || frame.stream === stream);
    const found = this.frames.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  /** The payload of such a frame, as text. */
  async text(type: number, stream?: number): Promise<string> {
    return Buffer.from((await this.next(type, stream)).payload).toString('utf8');
  }
}
