import type { Socket } from 'node:net';
import { abortedError, BoxliteError, escapeText, toBoxliteError } from '@boxlite/core';
import { dialSocket } from './dial-socket.js';
import { QmpDecoder, type QmpMessage } from './qmp-messages.js';

/** A monitor answers within milliseconds; one that does not by now is stuck. */
export const QMP_TIMEOUT_MS = 5_000;

/** Settings of {@link connectQmp}. */
export interface QmpOptions {
  /** Milliseconds for the greeting, and for each command; default {@link QMP_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What is called with an event's name and data (QEMU, qapi). */
export type QmpEventListener<Result = void> = (name: string, data: Readonly<Record<string, unknown>>) => Result;

interface PendingCommand {
  resolve(value: unknown): void;
  reject(error: BoxliteError): void;
}

/**
 * A connection to the monitor of one QEMU, ready for commands. QEMU serves one connection at a time and keeps others waiting, so a
 * connection is made for a purpose and closed after it.
 */
export class QmpClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #decoder = new QmpDecoder();
  readonly #pending = new Map<number, PendingCommand>();
  readonly #closed: Promise<void>;
  readonly #listeners = new Set<QmpEventListener>();
  #onGreeting: () => void = () => undefined;
  #greeted = false;
  #version = '';
  #failure: BoxliteError | undefined;
  #lastId = 0;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#fail(new BoxliteError('vmm_failed', "QEMU closed its monitor's connection"));
        resolve();
      });
    });
    socket.on('error', (error) => this.#fail(toBoxliteError(error, 'vmm_failed', "QEMU's monitor")));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  /**
   * Connects, waits for the greeting and negotiates. Resolves once QEMU has opened its disks and built the machine.
   * @param path the monitor's socket, of any length
   * @throws BoxliteError `vmm_failed`, `timeout`, `aborted`
   */
  static async connect(path: string, options: QmpOptions = {}): Promise<QmpClient> {
    const timeoutMs = options.timeoutMs ?? QMP_TIMEOUT_MS;
    const client = await dialSocket(path, timeoutMs, options.signal, (socket) => new QmpClient(socket, timeoutMs));
    try {
      await client.#command('greeting', (pending) => {
        client.#onGreeting = () => pending.resolve(undefined);
        if (client.#greeted) client.#onGreeting();
      });
      await client.execute('qmp_capabilities');
      return client;
    } catch (thrown) {
      await client.close();
      throw thrown;
    }
  }

  /** Called with each event from now on. @returns ends that */
  onEvent(listener: QmpEventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of QEMU, such as `7.2.22`; empty where it does not tell. */
  get version(): string {
    return this.#version;
  }

  /**
   * Resolves with the first event that `isIt` says true of. Begin to wait before the command that causes it.
   * @throws BoxliteError `vmm_failed` when the connection ends, `timeout`, `aborted`
   */
  event(isIt: QmpEventListener<boolean>, { timeoutMs = this.#timeoutMs, signal }: QmpOptions = {}): Promise<unknown> {
    let end = (): void => undefined;
    const wait = (pending: PendingCommand) => {
      const forget = this.onEvent((name, data) => {
        if (isIt(name, data)) pending.resolve(undefined);
      });
      const onAbort = () => {
        if (signal !== undefined) pending.reject(abortedError(signal, 'waiting for QEMU'));
      };
      end = () => {
        forget();
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
    };
    return this.#command('an event', wait, timeoutMs).finally(() => end());
  }

  /**
   * Runs a command and resolves with its result.
   * @throws BoxliteError `vmm_failed` with QEMU's description, or when the connection ends; `timeout`
   */
  execute(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#command(command, (_, id) => {
      this.#socket.write(`${JSON.stringify({ execute: command, ...(parameters && { arguments: parameters }), id })}\n`);
    });
  }

  /** Resolves when the other side has closed the connection, as it does when QEMU ends. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #command(
    name: string,
    start: (pending: PendingCommand, id: number) => void,
    timeoutMs = this.#timeoutMs,
  ): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      const pending: PendingCommand = {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        pending.reject(
          new BoxliteError('timeout', `QEMU's monitor did not answer ${name} within ${timeoutMs} ms`, {
            hint: 'the host may be overloaded; stopping the box ends it in any case',
          }),
        );
      }, timeoutMs);
      this.#pending.set(id, pending);
      start(pending, id);
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#decoder.push(chunk)) this.#dispatch(message);
    } catch (thrown) {
      this.#fail(toBoxliteError(thrown, 'vmm_failed', "QEMU's monitor"));
      this.#socket.destroy();
    }
  }

  #dispatch(message: QmpMessage): void {
    if (message.kind === 'greeting') {
      this.#greeted = true;
      this.#version = message.version;
      this.#onGreeting();
    } else if (message.kind === 'event') {
      for (const listener of [...this.#listeners]) listener(message.name, message.data);
    } else this.#settle(message);
  }

  #settle(answer: Extract<QmpMessage, { readonly id: number }>): void {
    const pending = this.#pending.get(answer.id);
    // An answer that comes after its time-out has nobody left who waits for it.
    if (pending === undefined) return;
    if (answer.kind === 'result') pending.resolve(answer.value);
    else pending.reject(new BoxliteError('vmm_failed', `QEMU refused: ${escapeText(answer.description)}`));
  }

  #fail(error: BoxliteError): void {
    this.#failure ??= error;
    for (const pending of [...this.#pending.values()]) pending.reject(this.#failure);
  }
}
