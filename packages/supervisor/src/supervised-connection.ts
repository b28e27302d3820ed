import type { Socket } from 'node:net';
import {
  BoxliteError,
  type ExitRecord,
  type Frame,
  FrameType,
  type GuestChannel,
  type SupervisedVm,
  type SupervisorWelcome,
  toBoxliteError,
} from '@boxlite/core';
import { ConnectionChannel } from './connection-channel.js';
import { parseExitRecord } from './exit-record.js';
import { LoopHold } from './loop-hold.js';
import { readExitFile } from './read-exit-file.js';

/** What a connection needs to know of its box. */
export interface ConnectionBox {
  readonly exitFile: string;
  /** Connects once more. Rejects when no supervisor serves the box. */
  dial(): Promise<SupervisedConnection>;
}

// A file's time comes from the kernel's coarse clock and may lie a few milliseconds before the call that preceded it.
const FILE_TIME_SLACK_MS = 1000;
// close() lets what was sent go out first; a supervisor whose agent is stuck may not take it.
const CLOSE_TIMEOUT_MS = 500;

const LOST: ExitRecord = {
  kind: 'Error',
  code: -1,
  message: 'the supervisor was lost: it was killed, and the VMM with it',
  stderrTail: '',
};

/** How a connection ended: with the box, or before it (then the box may go on, watched over `successor`). */
type Outcome =
  | { readonly record: ExitRecord }
  | { readonly successor: SupervisedConnection }
  | { readonly error: BoxliteError };

/** One host process's connection to a supervisor that has greeted it. Its frames come in through {@link push}. */
export class SupervisedConnection implements SupervisedVm {
  readonly welcome: SupervisorWelcome;
  readonly channel: GuestChannel;
  readonly #socket: Socket;
  readonly #box: ConnectionBox;
  readonly #hold: LoopHold;
  readonly #frames: ConnectionChannel;
  readonly #openedAt = Date.now();
  readonly #outcome: Promise<Outcome>;
  #record: ExitRecord | undefined;
  #broken: BoxliteError | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, box: ConnectionBox, welcome: SupervisorWelcome) {
    this.#socket = socket;
    this.#box = box;
    this.welcome = welcome;
    this.#hold = new LoopHold(socket);
    this.#frames = new ConnectionChannel(socket, this.#hold);
    this.channel = this.#frames;
    this.#outcome = new Promise<void>((resolve) => socket.once('close', () => resolve())).then(() => this.#conclude());
    socket.unref();
  }

  /** Takes a frame that came in. */
  push(frame: Frame): void {
    if (frame.type === FrameType.EXITED) {
      this.#record = parseExitRecord(Buffer.from(frame.payload).toString('utf8'));
      this.#socket.destroy();
    } else if (frame.type < FrameType.WELCOME) {
      this.#frames.deliver(frame);
    }
  }

  /** Gives the connection up for a reason found on this side. */
  fail(reason: BoxliteError): void {
    this.#broken ??= reason;
    this.#socket.destroy();
  }

  async wait(): Promise<ExitRecord> {
    const outcome = await this.#hold.during(this.#outcome);
    if ('record' in outcome) return outcome.record;
    if ('successor' in outcome) return outcome.successor.wait();
    throw outcome.error;
  }

  async stop(graceMs: number): Promise<ExitRecord> {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(Math.min(Math.max(Math.trunc(graceMs) || 0, 0), 0xffff_ffff));
    return this.#requestEnd({ type: FrameType.STOP, payload });
  }

  async kill(): Promise<ExitRecord> {
    return this.#requestEnd({ type: FrameType.KILL });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#closeSocket();
    await this.#closing;
    const outcome = await this.#outcome;
    if ('successor' in outcome) await outcome.successor.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends a frame for the supervisor itself. */
  sendControl(frame: { readonly type: number; readonly payload?: Uint8Array }): void {
    this.#frames.sendControl(frame);
  }

  /**
   * Asks over a connection of its own: this one may hold frames the agent does not take, and an order behind them would wait for the very
   * guest it is to end. Only where no second connection can be had it goes over this one.
   */
  async #requestEnd(frame: { readonly type: number; readonly payload?: Uint8Array }): Promise<ExitRecord> {
    if (this.#closing !== undefined) return this.wait();
    const order = await this.#hold.during(
      this.#box.dial().catch((error: unknown) => {
        if (BoxliteError.isInstance(error, 'agent_unavailable')) return this;
        throw error;
      }),
    );
    if (!order.#socket.destroyed) order.sendControl(frame);
    if (order === this) return this.wait();
    // Whichever connection hears of it first: this one may be gone already, and the order's own is closed with the box.
    const record = await order.wait();
    await order.close();
    // A supervisor that was ending already takes the order's connection and tells it nothing more; this one is older and was told.
    return record === LOST ? this.wait() : record;
  }

  async #closeSocket(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.end();
    });
  }

  async #conclude(): Promise<Outcome> {
    const outcome = await this.#findOutcome();
    this.#frames.end(
      'record' in outcome
        ? new BoxliteError('stopped', `the box has ended: ${describe(outcome.record)}`, {
            details: { exit: outcome.record },
          })
        : 'error' in outcome
          ? outcome.error
          : new BoxliteError(
              'agent_unavailable',
              'the supervisor dropped this connection: it was not read fast enough',
            ),
    );
    return outcome;
  }

  async #findOutcome(): Promise<Outcome> {
    if (this.#record !== undefined) return { record: this.#record };
    if (this.#broken !== undefined) return { error: this.#broken };
    if (this.#closing !== undefined) {
      return { error: new BoxliteError('agent_unavailable', 'this connection to the box was closed') };
    }
    try {
      const record = await readExitFile(this.#box.exitFile, this.#openedAt - FILE_TIME_SLACK_MS);
      if (record !== undefined) return { record };
      const successor = await this.#box.dial();
      const { pid, startTime } = successor.welcome.supervisor;
      if (pid === this.welcome.supervisor.pid && startTime === this.welcome.supervisor.startTime) return { successor };
      await successor.close();
    } catch (error) {
      // That nobody answers is how a lost supervisor shows. Anything else goes to whoever waits.
      if (!BoxliteError.isInstance(error, 'agent_unavailable')) {
        return { error: toBoxliteError(error, 'internal', 'finding out how the box ended') };
      }
    }
    return { record: LOST };
  }
}

function describe(record: ExitRecord): string {
  if (record.kind !== 'Clean') return record.message;
  return record.reason === 'guest' ? 'it powered off' : 'it was stopped';
}
