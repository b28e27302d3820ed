import { type BoxId, BoxliteError, type BoxRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { type ExecOptions, parseExecOptions } from '../exec/exec-options.js';
import { collect, type ExecResult, type Execution } from '../exec/execution.js';
import { startExecution } from '../exec/start-execution.js';
import type { StageTiming } from '../init/pipeline.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { type BoxInfo, boxInfo } from './box-info.js';
import { type BoxMetrics, boxMetrics, type MutableBoxMetrics } from './box-metrics.js';
import { connectBox, disconnect, isGone } from './connect-box.js';
import type { LiveBox } from './live-box.js';
import { mainCommand } from './main-command.js';
import { reconciledState } from './reconcile.js';
import { settleEnd } from './settle-end.js';
import { type StartOptions, startBox } from './start-box.js';
import { type StopOptions, stopBox } from './stop-box.js';
import { withBoxLease } from './with-box-lease.js';

/**
 * One micro-VM with one container inside. A handle is cheap and shared within a process; several processes may hold handles of the same box
 * at the same time. Made by `Boxlite.create` and `Boxlite.get`.
 */
export class Box implements AsyncDisposable {
  readonly id: BoxId;
  readonly name: string | null;
  readonly #services: RuntimeServices;
  readonly #layout: BoxLayout;
  readonly #metrics: MutableBoxMetrics = { commandsExecuted: 0, execErrors: 0, timings: [] };
  #live: LiveBox | undefined;
  #startedHere = false;
  #settling: Promise<void> = Promise.resolve();
  #connecting: Promise<LiveBox> | undefined;

  /** @internal */
  constructor(services: RuntimeServices, record: BoxRecord) {
    this.#services = services;
    this.id = record.config.id;
    this.name = record.config.name ?? null;
    this.#layout = services.layout.box(this.id);
  }

  /** Starts the box; does nothing when it runs. @throws BoxliteError with the cause; the files are kept and the record says why */
  async start(options: StartOptions = {}): Promise<void> {
    await this.#connected(options);
  }

  /**
   * Stops the box: the agent is asked first, what is left after the grace is killed. Does nothing when it does not run.
   * @param options.graceMs milliseconds, default 10 000
   */
  async stop(options: StopOptions = {}): Promise<void> {
    await withBoxLease(this.#services, this.id, 'stop', options.signal, async () => {
      const live = this.#live;
      await stopBox(this.#services, await this.#record(), this.#layout, live, options);
      this.#live = undefined;
    });
    await this.#settling;
  }

  /**
   * Starts a command in the container; the box is started first when it does not run.
   * @param command looked up in the container's PATH
   * @param args its arguments
   * @throws BoxliteError `command_not_found` (127), `command_not_executable` (126), `user_not_found`, `cwd_not_found`
   */
  async exec(
    command: string,
    args: readonly string[] = [],
    options: ExecOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<Execution> {
    const { signal, ...rest } = options;
    const parsed = parseExecOptions(rest);
    const live = await this.#connected({ signal });
    this.#metrics.commandsExecuted += 1;
    this.#services.metrics.commandsExecuted += 1;
    try {
      return await startExecution(live.agent, [command, ...args], parsed, signal);
    } catch (thrown) {
      this.#metrics.execErrors += 1;
      this.#services.metrics.execErrors += 1;
      throw thrown;
    }
  }

  /**
   * Starts the box's own command: `entrypoint` and `cmd` of the box over those of its image, as Docker combines them.
   * @throws BoxliteError `invalid_argument` when neither names a command
   */
  async main(options: ExecOptions & { readonly signal?: AbortSignal } = {}): Promise<Execution> {
    await this.#connected({ signal: options.signal });
    const [command, ...args] = mainCommand(await this.#record());
    return this.exec(command, args, options);
  }

  /** Runs a command to its end and returns everything it wrote. See {@link exec} and {@link collect}. */
  async run(
    command: string,
    args: readonly string[] = [],
    options: ExecOptions & {
      readonly signal?: AbortSignal;
      readonly input?: Uint8Array | string;
      readonly maxOutputBytes?: number;
    } = {},
  ): Promise<ExecResult> {
    const { input, maxOutputBytes, ...rest } = options;
    const execution = await this.exec(command, args, { stdin: input !== undefined, ...rest });
    return collect(execution, { input, maxOutputBytes });
  }

  /** What the box is and how it is doing. A box that died without anybody watching is found out here. */
  async info(): Promise<BoxInfo> {
    return boxInfo(await this.#record(), this.#layout.dir);
  }

  /** Counters of this handle and the stages of its last start; memory and CPU of the VMM where it runs. */
  async metrics(): Promise<BoxMetrics> {
    return boxMetrics(await this.#record(), this.#metrics);
  }

  /** Gives up this handle's connection; the box runs on. */
  async close(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    if (live !== undefined) await disconnect(live);
    await this.#settling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** True when this process started the box, so that closing the runtime stops it unless it is detached. */
  get startedHere(): boolean {
    return this.#startedHere;
  }

  /** The stages of the start this handle made, empty when it made none. */
  get startTimings(): readonly StageTiming[] {
    return this.#metrics.timings;
  }

  async #connected(options: StartOptions): Promise<LiveBox> {
    if (this.#live !== undefined) return this.#live;
    this.#connecting ??= this.#connectOrStart(options).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connectOrStart(options: StartOptions): Promise<LiveBox> {
    const running = await this.#tryConnect(await this.#record(), options);
    if (running !== undefined) return this.#adopt(running);
    return withBoxLease(this.#services, this.id, 'start', options.signal, async () => {
      // Whoever held the lease before may have started it.
      const record = await this.#record();
      const started = await this.#tryConnect(record, options);
      if (started !== undefined) return this.#adopt(started);
      const { live, timings } = await startBox(this.#services, record, this.#layout, options);
      this.#metrics.timings = timings;
      this.#startedHere = true;
      return this.#adopt(live);
    });
  }

  async #tryConnect(record: BoxRecord, options: StartOptions): Promise<LiveBox | undefined> {
    if (record.state.status !== 'running' && record.state.status !== 'paused') return undefined;
    try {
      return await connectBox(this.#services, record, this.#layout, options.signal);
    } catch (thrown) {
      if (!isGone(thrown)) throw thrown;
      return undefined;
    }
  }

  #adopt(live: LiveBox): LiveBox {
    this.#live = live;
    live.ended.then(
      (exit) => {
        if (this.#live === live) this.#live = undefined;
        this.#settling = settleEnd(this.#services, this.id, this.#layout, exit).finally(() => disconnect(live));
      },
      (thrown: unknown) => {
        // This side closed the connection: whoever still has one records the end.
        if (!isGone(thrown)) this.#services.log({ level: 'warn', message: 'the box cannot be watched', cause: thrown });
      },
    );
    return live;
  }

  async #record(): Promise<BoxRecord> {
    const record = await this.#services.store.boxes.get(this.id);
    if (record === undefined) {
      throw new BoxliteError('not_found', `box ${this.id} does not exist any more`, {
        hint: 'it was removed; create a new one',
        details: { field: 'id' },
      });
    }
    const state = await reconciledState(record, this.#layout, Date.now());
    if (state === undefined) return record;
    await this.#services.store.boxes.update(this.id, () => state);
    return { ...record, state };
  }
}
