import { type BoxId, BoxliteError, type BoxRecord, type ProcessIdentity } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { type ExecOptions, parseCommand, parseExecOptions, type ResolvedExecOptions } from '../exec/exec-options.js';
import { collect, type ExecResult, type Execution } from '../exec/execution.js';
import { explainFailure } from '../exec/explain-failure.js';
import { startExecution } from '../exec/start-execution.js';
import type { StageTiming } from '../init/pipeline.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { SharedAttempt } from '../runtime/shared-attempt.js';
import { AutoPause } from '../snapshot/auto-pause.js';
import { BoxCaptures } from '../snapshot/box-captures.js';
import type { ForkOptions } from '../snapshot/fork-options.js';
import { notRunning } from '../snapshot/pause-box.js';
import type { ListSnapshotsOptions, SnapshotInfo, SnapshotOptions } from '../snapshot/snapshot-info.js';
import { type BoxInfo, boxInfo } from './box-info.js';
import { boxLogs, type LogOptions } from './box-logs.js';
import { type BoxMetrics, boxMetrics, type MutableBoxMetrics } from './box-metrics.js';
import { connectBox, isGone } from './connect-box.js';
import { Connections } from './connections.js';
import type { LiveBox } from './live-box.js';
import { mainCommand } from './main-command.js';
import { claimsToRun, reconciledRecord } from './reconcile.js';
import { recordExitCode } from './record-exit-code.js';
import { removeBox } from './remove-box.js';
import { type StartedBox, type StartOptions, startBox } from './start-box.js';
import { type StopOptions, stopBox } from './stop-box.js';
import { warmUp } from './warm-up.js';
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
  readonly #connections: Connections;
  readonly #attempt = new SharedAttempt<LiveBox>();
  readonly #autoPause: AutoPause;
  readonly #captures: BoxCaptures;
  /** The VMM this handle has started last, running or not. */
  #started: ProcessIdentity | undefined;

  /** @internal */
  constructor(services: RuntimeServices, record: BoxRecord) {
    this.#services = services;
    this.id = record.config.id;
    this.name = record.config.name ?? null;
    this.#layout = services.layout.box(this.id);
    this.#connections = new Connections(services, this.id, this.#layout);
    const { autoPauseMs } = parseBoxOptions(record.config.options);
    this.#autoPause = new AutoPause({
      ...{ id: this.id, afterMs: autoPauseMs, leases: services.store.leases },
      pause: () => this.#captures.pauseIdle(),
    });
    this.#captures = new BoxCaptures(services, {
      box: this,
      layout: this.#layout,
      record: () => this.#record(),
      running: (signal) => this.#running(signal),
      live: () => this.#connections.live,
      isInUse: () => this.#autoPause.isInUse,
      adopt: (started) => this.adoptStarted(started),
    });
  }

  /** Starts the box; does nothing when it runs. @throws BoxliteError with the cause; the files are kept and the record says why */
  async start(options: StartOptions = {}): Promise<void> {
    await this.#autoPause.during(() => this.#usable(options));
  }

  /**
   * Stops the box: the agent is asked first, what is left after the grace is killed. Does nothing when it does not run, or does not
   * exist any more. A start that is going on is waited for.
   * @param options.graceMs milliseconds, default 10 000
   * @param options.signal gives up waiting
   */
  async stop(options: StopOptions = {}): Promise<void> {
    this.#services.lifetime.throwIfAborted();
    await this.#stop(options);
  }

  /**
   * Starts a command in the container; the box is started first when it does not run.
   * @param command looked up in the container's PATH
   * @param args its arguments
   * @param options see {@link ExecOptions}; `stdin` is open unless told otherwise, so end it for commands that read to its end
   * @param options.signal gives up starting the box or the command; a command that runs is not touched by it
   * @throws BoxliteError `invalid_argument` naming the option; `command_not_found` (127), `command_not_executable` (126),
   *   `user_not_found`, `cwd_not_found`; what a start throws
   */
  async exec(
    command: string,
    args: readonly string[] = [],
    options: ExecOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<Execution> {
    const { signal, ...rest } = options;
    const parsed = parseExecOptions(rest);
    const words = parseCommand(command, args);
    const endUse = await this.#autoPause.begin();
    try {
      const live = await this.#usable({ signal });
      const execution = await this.#startExecution(live, words, parsed, signal);
      // In use until the command ends, however it does.
      execution.wait().then(endUse, endUse);
      return execution;
    } catch (thrown) {
      endUse();
      throw thrown;
    }
  }

  async #startExecution(
    live: LiveBox,
    words: readonly [string, ...string[]],
    parsed: ResolvedExecOptions,
    signal: AbortSignal | undefined,
  ): Promise<Execution> {
    this.#metrics.commandsExecuted += 1;
    this.#services.metrics.commandsExecuted += 1;
    this.#services.boxUsed();
    try {
      return await startExecution(live.agent, words, parsed, signal);
    } catch (thrown) {
      this.#metrics.execErrors += 1;
      this.#services.metrics.execErrors += 1;
      const record = await this.#services.store.boxes.get(this.id);
      throw record === undefined ? thrown : explainFailure(thrown, words[0], parsed, record);
    }
  }

  /**
   * Starts the box's own command: `entrypoint` and `cmd` of the box over those of its image, as Docker combines them. Its exit code is kept
   * in the box's record when it ends while this handle lives.
   * @throws BoxliteError `invalid_argument` when neither names a command
   */
  async main(options: ExecOptions & { readonly signal?: AbortSignal } = {}): Promise<Execution> {
    await this.start({ signal: options.signal });
    const record = await this.#record();
    const [command, ...args] = mainCommand(record);
    const execution = await this.exec(command, args, options);
    const status = execution.wait().then(async (ended) => {
      await recordExitCode(this.#services, record, ended.exitCode);
      return ended;
    });
    status.catch(() => undefined); // Whoever waits gets it; whoever does not has nothing to be told.
    return { ...execution, wait: () => status };
  }

  /** Runs a command to its end and returns everything it wrote; aborting kills it. See {@link exec} and {@link collect}. */
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
    return collect(execution, { input, maxOutputBytes, signal: options.signal });
  }

  /**
   * Makes the box stand still: in memory, without using a processor. The next `exec`, `run`, `main` or `start` lets it go on. Does nothing when it is paused.
   * @throws BoxliteError `invalid_state` when it does not run; `unsupported`, naming the VMMs that can
   */
  async pause(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#captures.pause(options.signal);
  }

  /** Lets a paused box go on; does nothing when it runs. @throws BoxliteError `invalid_state` when it does neither */
  async resume(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#captures.resume(options.signal);
  }

  /**
   * Takes a snapshot of the running box, its memory and its disk of one moment, while it stands still for as long as its memory takes to be written. It holds
   * what the guest had in memory, secrets included, and is readable by this user alone. Removed with the box.
   * @throws BoxliteError `invalid_argument`, `already_exists`, `invalid_state` when it does not run, `unsupported` (its VMM cannot, or it has volumes),
   *   `disk_full`, `aborted`; what `onBeforeSnapshot` throws
   */
  async snapshot(options: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return this.#autoPause.during(() => this.#captures.snapshot(options));
  }

  /**
   * The snapshots of the box, oldest first.
   * @param options.verify reads each of them whole, and says of each whether a machine can go on from it
   * @throws BoxliteError `aborted`
   */
  async snapshots(options: ListSnapshotsOptions = {}): Promise<readonly SnapshotInfo[]> {
    return this.#captures.list(options);
  }

  /** Removes a snapshot; boxes that were made from it are not touched. @throws BoxliteError `not_found` */
  async removeSnapshot(name: string): Promise<void> {
    await this.#captures.remove(name);
  }

  /**
   * Puts the stopped box back to a snapshot: its disk is as it was then, what was written since is gone, and its processes go on where they were. Entropy,
   * clock, boot id and the environment of commands to come are new; what processes have in memory is as it was. See `Boxlite.restore` for a new box.
   * @throws BoxliteError `not_found`; `invalid_state` when it runs; `snapshot_invalid` when nothing can go on from it here, and nothing was changed then;
   *   what `onAfterRestore` throws
   */
  async restore(name: string, options: StartOptions = {}): Promise<void> {
    await this.#autoPause.during(() => this.#captures.restore(name, options));
  }

  /**
   * Makes boxes that go on where this running one stands, processes and all: each has its memory and its disk copy-on-write, and its own entropy, clock, boot id
   * and host name before any of its processes runs. This box goes on. All are made or none.
   * @param count 1 to 64
   * @throws BoxliteError as {@link snapshot}, and what a start throws, naming the child
   */
  async fork(count: number, options: ForkOptions = {}): Promise<readonly Box[]> {
    return this.#autoPause.during(() => this.#captures.fork(count, options));
  }

  /** What the box is and how it is doing. A box that died without anybody watching is found out here. */
  async info(): Promise<BoxInfo> {
    return boxInfo(await this.#record(), this.#layout.dir);
  }

  /** Counters of this handle and the stages of its last start; memory and CPU of the VMM where it runs. */
  async metrics(): Promise<BoxMetrics> {
    return boxMetrics(await this.#record(), this.#metrics);
  }

  /** The console of the box, a line each: what kernel and agent wrote. Escape it before a person sees it. See {@link boxLogs}. */
  async logs(options: LogOptions = {}): Promise<readonly string[]> {
    await this.#record();
    return boxLogs(this.#layout, options);
  }

  /** Gives up this handle's connection; the box runs on, and the next `exec` connects again. */
  async close(): Promise<void> {
    await this.#connections.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The stages of the start this handle made, empty when it made none. */
  get startTimings(): readonly StageTiming[] {
    return this.#metrics.timings;
  }

  /** @internal Calls back once when this handle's connection has ended, at once where it has none: the box may have ended, too. */
  onDisconnect(listener: () => void): void {
    const live = this.#connections.live;
    if (live === undefined) queueMicrotask(listener);
    else live.vm.channel.onClose(listener);
  }

  /** @internal See {@link warmUp}. */
  async warmUp(signal?: AbortSignal): Promise<void> {
    await warmUp((await this.#connected({ signal })).agent, signal);
  }

  /** @internal Makes a new box from a snapshot of this one; see `Boxlite.restore`. */
  restoreNew(name: string, options: ForkOptions): Promise<Box> {
    return this.#captures.restoreNew(name, options);
  }

  /** @internal Takes a machine into use that was started for this box. */
  adoptStarted({ live, timings }: StartedBox): LiveBox {
    this.#services.boxUsed();
    this.#metrics.timings = timings;
    this.#started = live.vm.identity;
    if (this.#autoPause.isOn && live.vm.pause === undefined) {
      this.#services.log({ level: 'warn', message: 'the box is never paused: its VMM cannot', boxId: this.id });
    }
    return this.#connections.adopt(live);
  }

  /** @internal Removes the box with its files; see `Boxlite.remove`. */
  async remove(force: boolean): Promise<void> {
    await removeBox(this.#services, this.id, this.#layout, this.#connections.live, force);
    await this.close();
  }

  /**
   * @internal The runtime ends: a start that is going on is undone, and a box that this process started without `detach` is stopped. Detached
   * boxes and those another process started run on; this process only lets go of them.
   */
  async retire(graceMs: number): Promise<void> {
    await this.#attempt.abort(this.#services.lifetime.reason);
    await this.#captures.settled();
    try {
      if (await this.#isOurs()) await this.#stop({ graceMs });
    } finally {
      await this.close();
    }
  }

  async #stop(options: StopOptions): Promise<void> {
    await withBoxLease(this.#services, this.id, 'stop', options.signal, async () => {
      const record = await reconciledRecord(this.#services, this.id, this.#layout);
      if (record === undefined) return;
      await stopBox(this.#services, record, this.#layout, this.#connections.live, options);
    });
    await this.#connections.close();
  }

  /** True while the VMM that runs is the one this handle has started, and follows this process. */
  async #isOurs(): Promise<boolean> {
    if (this.#started === undefined) return false;
    const record = await reconciledRecord(this.#services, this.id, this.#layout);
    if (record === undefined) return false;
    const { detach, autoRemove } = parseBoxOptions(record.config.options);
    if (detach) return false;
    const { vmm, status } = record.state;
    // It ended just now, and may still have to be removed.
    if (!claimsToRun(status)) return autoRemove;
    return vmm?.pid === this.#started.pid && vmm.startTime === this.#started.startTime;
  }

  /** A connection to a box that does not stand still. */
  async #usable(options: StartOptions): Promise<LiveBox> {
    const live = await this.#connected(options);
    // Any process may have paused it.
    const record = await this.#services.store.boxes.get(this.id);
    if (record?.state.status === 'paused')
      await this.resume(options.signal === undefined ? {} : { signal: options.signal });
    return live;
  }

  /** The running box and a connection to it; nothing is started. @throws BoxliteError `invalid_state` */
  async #running(signal: AbortSignal | undefined): Promise<{ readonly live: LiveBox; readonly record: BoxRecord }> {
    const live = this.#connections.live ?? (await this.#tryConnect({ signal }));
    const record = await this.#record();
    if (live === undefined || !isServed(record)) throw notRunning(record);
    return { live: live === this.#connections.live ? live : this.#connections.adopt(live), record };
  }

  async #connected(options: StartOptions): Promise<LiveBox> {
    this.#services.lifetime.throwIfAborted();
    return (
      this.#connections.live ??
      this.#attempt.join((signal) => this.#connectOrStart({ ...options, signal }), options.signal)
    );
  }

  async #connectOrStart(options: StartOptions): Promise<LiveBox> {
    const running = await this.#tryConnect(options);
    if (running !== undefined) return this.#connections.adopt(running);
    return withBoxLease(this.#services, this.id, 'start', options.signal, async () => {
      // Whoever held the lease before may have started it.
      const started = await this.#tryConnect(options);
      if (started !== undefined) return this.#connections.adopt(started);
      const record = await this.#record();
      if (record.state.status === 'stopping') {
        await stopBox(this.#services, record, this.#layout, undefined, { signal: options.signal });
      }
      return this.adoptStarted(await startBox(this.#services, record, this.#layout, options));
    });
  }

  /** @throws BoxliteError `agent_unavailable` when the box runs and cannot be reached: that is no reason to start it over */
  async #tryConnect({ signal }: StartOptions): Promise<LiveBox | undefined> {
    const record = await this.#record();
    if (!isServed(record)) return undefined;
    try {
      return await connectBox(this.#services, record, this.#layout, signal);
    } catch (thrown) {
      if (isGone(thrown) && !isServed(await this.#record())) return undefined;
      throw thrown;
    }
  }

  async #record(): Promise<BoxRecord> {
    this.#services.lifetime.throwIfAborted();
    const record = await reconciledRecord(this.#services, this.id, this.#layout);
    if (record !== undefined) return record;
    throw new BoxliteError('not_found', `box ${this.id} does not exist any more`, {
      hint: 'it was removed; create a new one',
      details: { field: 'id' },
    });
  }
}

function isServed({ state }: BoxRecord): boolean {
  return state.status === 'running' || state.status === 'paused';
}
