import { type Frame, FrameFlag, FrameType } from '@boxlite/core';

interface Holdable {
  readonly destroyed: boolean;
  ref(): unknown;
  unref(): unknown;
}

/**
 * Decides whether a connection keeps Node's event loop alive: while somebody waits for something that comes through it. A program that holds
 * an idle connection may end; one with an open stream, an outstanding `wait`, or a listener that has not had the agent's hello, may not.
 */
export class LoopHold {
  readonly #socket: Holdable;
  readonly #streams = new Set<number>();
  #waiting = 0;
  #listening = false;
  #greeted = false;

  constructor(socket: Holdable) {
    this.#socket = socket;
  }

  listening(): void {
    this.#listening = true;
    this.#apply();
  }

  sent(frame: { readonly type: number; readonly stream?: number }): void {
    if (frame.stream === undefined || frame.type !== FrameType.REQUEST) return;
    this.#streams.add(frame.stream);
    this.#apply();
  }

  received(frame: Frame): void {
    if (frame.type === FrameType.HELLO) this.#greeted = true;
    else if (isLast(frame)) this.#streams.delete(frame.stream);
    else return;
    this.#apply();
  }

  /** Holds until the promise settles. */
  async during<T>(promise: Promise<T>): Promise<T> {
    this.#waiting += 1;
    this.#apply();
    try {
      return await promise;
    } finally {
      this.#waiting -= 1;
      this.#apply();
    }
  }

  #apply(): void {
    // A destroyed socket holds nothing, and would keep the call for a connection that never comes.
    if (this.#socket.destroyed) return;
    const needed = this.#waiting > 0 || this.#streams.size > 0 || (this.#listening && !this.#greeted);
    if (needed) this.#socket.ref();
    else this.#socket.unref();
  }
}

/** The agent's own CLOSE confirms that of this side, which waits for it. */
function isLast({ type, flags }: Frame): boolean {
  return type === FrameType.CLOSE || (type === FrameType.RESPONSE && (flags & FrameFlag.END) !== 0);
}
