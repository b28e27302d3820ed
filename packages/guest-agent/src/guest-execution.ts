import { BoxliteError, Channel, type Frame, FrameFlag, FrameType } from '@boxlite/core';
import type { AgentConnection, StreamHandler } from './agent-connection.js';
import { fromWireError } from './agent-error.js';
import { createDeferred, type Deferred } from './deferred.js';
import type { ExecResult } from './exec-options.js';
import type { ExecStarted, Exited, Response } from './gen/agent_pb.js';
import { type GuestInput, InputStream, stopped } from './input-stream.js';
import { type GuestOutput, OutputStream } from './output-stream.js';
import { encodeRequest, resizeOperation, signalOperation } from './requests.js';

/** A command running in the container. It goes on when this process lets go of it. */
export interface GuestExecution {
  /** Names the execution for the life of the machine. */
  readonly executionId: string;
  /** As the container's other processes see it. */
  readonly pid: number;
  readonly stdin: GuestInput;
  readonly stdout: GuestOutput;
  /** Empty on a terminal. */
  readonly stderr: GuestOutput;
  /**
   * Resolves after both output streams have ended. They end within two seconds of the command's exit, also when processes it left behind
   * hold them open; but a stream nobody reads or discards holds the end up once more than its window (128 KiB) was written.
   */
  wait(): Promise<ExecResult>;
  /** To the command, or to its whole process group. @throws BoxliteError `not_found` when it has ended */
  signal(signal: number, options?: { readonly group?: boolean }): Promise<void>;
  /** @throws BoxliteError `invalid_state` without a terminal */
  resize(rows: number, cols: number): Promise<void>;
  /** Stop listening: stdin ends, later output is dropped, the command goes on. `wait()` rejects with `aborted`. */
  detach(): Promise<void>;
}

/** The stream of one exec, from its request to its exit. */
export class ExecutionStream implements GuestExecution, StreamHandler {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly started = createDeferred<GuestExecution>();
  readonly #connection: AgentConnection;
  readonly #stream: number;
  readonly #request: number;
  readonly #result = createDeferred<ExecResult>();
  readonly #pending = new Map<number, Deferred<void>>();
  readonly #command: string;
  #running: ExecStarted | undefined;
  #over = false;

  /**
   * @param connection where to run
   * @param request id the exec is sent with
   * @param command for messages, escaped
   */
  constructor(connection: AgentConnection, request: number, command: string) {
    this.#connection = connection;
    this.#request = request;
    this.#command = command;
    this.#stream = connection.open(this);
    this.stdin = new InputStream((payload, end) =>
      connection.send({
        type: FrameType.DATA,
        stream: this.#stream,
        channel: Channel.STDIN,
        flags: end ? FrameFlag.END : 0,
        payload,
      }),
    );
    this.stdout = new OutputStream('stdout', (bytes) => this.#grant(Channel.STDOUT, bytes));
    this.stderr = new OutputStream('stderr', (bytes) => this.#grant(Channel.STDERR, bytes));
  }

  get stream(): number {
    return this.#stream;
  }

  get executionId(): string {
    return String(this.#running?.executionId ?? 0n);
  }

  get pid(): number {
    return this.#running?.pid ?? 0;
  }

  wait(): Promise<ExecResult> {
    return this.#result.promise;
  }

  signal(signal: number, options: { readonly group?: boolean } = {}): Promise<void> {
    return this.#control((id) => encodeRequest(id, signalOperation(signal, options.group ?? false)));
  }

  resize(rows: number, cols: number): Promise<void> {
    return this.#control((id) => encodeRequest(id, resizeOperation({ rows, cols })));
  }

  async detach(): Promise<void> {
    if (this.#over) return;
    this.stdout.end();
    this.stderr.end();
    this.#finish(new BoxliteError('aborted', `detached from ${this.#command}, which goes on`));
    await this.#connection.close(this.#stream);
  }

  onResponse(response: Response, end: boolean): string | undefined {
    const { result } = response;
    if (response.id !== this.#request) return this.#controlDone(response, end);
    if (result.case === 'execStarted' && this.#running === undefined && !end) {
      this.#running = result.value;
      this.started.resolve(this);
      return undefined;
    }
    if (result.case === 'exited' && this.#running !== undefined && end) return this.#exited(result.value);
    if (result.case === 'error' && end) {
      this.#fail(fromWireError(result.value, this.#command));
      return undefined;
    }
    return `an unexpected answer to exec (${result.case ?? 'empty'})`;
  }

  onData(frame: Frame): string | undefined {
    const end = (frame.flags & FrameFlag.END) !== 0;
    if (this.#running === undefined) return 'data before the command was started';
    if (frame.channel === Channel.STDIN) {
      if (!end || frame.payload.length > 0) return 'data on stdin';
      this.stdin.close(stopped(`${this.#command} has closed its stdin`));
      return undefined;
    }
    const output = this.#output(frame.channel);
    if (output === undefined) return `data on channel ${frame.channel}`;
    if (end && output.ended) return 'a second end of a channel';
    const wrong = frame.payload.length > 0 || !end ? output.push(frame.payload) : undefined;
    if (wrong === undefined && end) output.end();
    return wrong;
  }

  onCredit(channel: number, bytes: number): string | undefined {
    if (channel !== Channel.STDIN) return `credit for channel ${channel}`;
    return this.stdin.credit(bytes);
  }

  onLost(reason: Error): void {
    this.#fail(reason);
  }

  #exited(exited: Exited): string | undefined {
    if (!this.stdout.ended || !this.stderr.ended) return 'an exit before the end of the output';
    if (exited.exitCode > 255 || exited.signal > 64)
      return `an exit status out of range (${exited.exitCode}, ${exited.signal})`;
    this.#result.resolve({
      exitCode: exited.exitCode,
      ...(exited.signal === 0 ? {} : { signal: exited.signal }),
      timedOut: exited.timedOut,
    });
    this.#finish(new BoxliteError('not_found', `${this.#command} has ended`));
    return undefined;
  }

  #output(channel: number): OutputStream | undefined {
    if (channel === Channel.STDOUT) return this.stdout;
    return channel === Channel.STDERR ? this.stderr : undefined;
  }

  async #control(encode: (id: number) => Uint8Array): Promise<void> {
    if (this.#over) throw new BoxliteError('not_found', `${this.#command} has ended`);
    const id = this.#connection.nextRequestId();
    const payload = encode(id);
    const done = createDeferred<void>();
    this.#pending.set(id, done);
    await this.#connection.send({ type: FrameType.REQUEST, stream: this.#stream, payload });
    await done.promise;
  }

  #controlDone({ id, result }: Response, end: boolean): string | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined || end) return `an answer to request ${id}, which was not asked`;
    this.#pending.delete(id);
    if (result.case === 'done') pending.resolve();
    else if (result.case === 'error') pending.reject(fromWireError(result.value, this.#command));
    else return `an unexpected answer to a request (${result.case ?? 'empty'})`;
    return undefined;
  }

  #fail(reason: Error): void {
    if (this.#over) return;
    this.stdout.fail(reason);
    this.stderr.fail(reason);
    this.#finish(reason);
  }

  /** Settles everything that is still open; the first call counts. */
  #finish(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.started.reject(reason);
    this.#result.reject(reason);
    this.stdin.close(stopped(`${this.#command} has ended or is no longer connected`));
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
  }

  #grant(channel: number, bytes: number): void {
    if (this.#over) return;
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(bytes);
    this.#connection.post({ type: FrameType.CREDIT, stream: this.#stream, channel, payload });
  }
}
