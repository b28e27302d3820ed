import type { Socket } from 'node:net';
import { BoxliteError, encodeFrame, type Frame, FrameType, type GuestChannel } from '@boxlite/core';
import type { LoopHold } from './loop-hold.js';

/** What a guest may pile up before anybody listens; it could repeat its hello for ever. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

const SENDABLE: ReadonlySet<number> = new Set([FrameType.REQUEST, FrameType.DATA, FrameType.CREDIT, FrameType.CLOSE]);

/** The agent's side of a connection: frames in and out, without those the supervisor itself speaks. */
export class ConnectionChannel implements GuestChannel {
  readonly #socket: Socket;
  readonly #hold: LoopHold;
  #listener: ((frame: Frame) => void) | undefined;
  #kept: Frame[] = [];
  #keptBytes = 0;
  #closeListeners: ((reason: Error) => void)[] = [];
  #closed: Error | undefined;
  #drained: Promise<void> | undefined;

  constructor(socket: Socket, hold: LoopHold) {
    this.#socket = socket;
    this.#hold = hold;
  }

  async send(frame: Partial<Frame> & { readonly type: number }): Promise<void> {
    this.#assertOpen();
    const stream = frame.stream ?? 0;
    if (!SENDABLE.has(frame.type) || !Number.isInteger(stream) || stream < 1 || stream > 0xffff) {
      // The supervisor would drop the whole connection for it.
      throw new BoxliteError('internal', `frame type ${frame.type} on stream ${stream} is not for the agent`);
    }
    this.#hold.sent(frame);
    if (this.#socket.write(encodeFrame(frame))) return;
    await this.#drain();
    this.#assertOpen();
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#listener = listener;
    this.#hold.listening();
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const frame of kept) listener(frame);
  }

  onClose(listener: (reason: Error) => void): void {
    if (this.#closed === undefined) this.#closeListeners.push(listener);
    else listener(this.#closed);
  }

  /** Sends a frame the supervisor keeps to itself. */
  sendControl(frame: Partial<Frame> & { readonly type: number }): void {
    this.#socket.write(encodeFrame(frame));
  }

  /** Passes on a frame that arrived. @throws BoxliteError `agent_protocol` when too much has arrived for nobody */
  deliver(frame: Frame): void {
    this.#hold.received(frame);
    if (this.#listener !== undefined) {
      this.#listener(frame);
      return;
    }
    this.#kept.push(frame);
    this.#keptBytes += frame.payload.length + 64;
    if (this.#keptBytes > MAX_KEPT_BYTES) {
      throw new BoxliteError('agent_protocol', 'the guest sent more than 4 MiB before anybody listened');
    }
  }

  /** No further frame can come. Only the first call counts. */
  end(reason: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    const listeners = this.#closeListeners;
    this.#closeListeners = [];
    for (const listener of listeners) listener(reason);
  }

  #assertOpen(): void {
    if (this.#closed === undefined) return;
    throw new BoxliteError('agent_unavailable', `the connection to the box has ended: ${this.#closed.message}`, {
      cause: this.#closed,
    });
  }

  /** One wait for all senders that found the buffer full. */
  #drain(): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        this.#drained = undefined;
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
    return this.#drained;
  }
}
