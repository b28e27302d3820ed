import { BoxliteError, escapeText, FrameType, type GuestChannel } from '@boxlite/core';
import { AgentConnection } from './agent-connection.js';
import { fromWireError } from './agent-error.js';
import { createDeferred } from './deferred.js';
import type {
  ExecOptions,
  InitOptions,
  InitResult,
  PrepareOptions,
  PrepareResult,
  QuiesceOptions,
  RenewOptions,
} from './exec-options.js';
import type { InitDone, Response } from './gen/agent_pb.js';
import { ExecutionStream, type GuestExecution } from './guest-execution.js';
import type { Hello } from './hello.js';
import {
  checkAgentPrepares,
  checkAgentRenews,
  checkAgentTakes,
  encodeRequest,
  execOperation,
  initOperation,
  type Operation,
  prepareOperation,
  quiesceOperation,
  renewOperation,
  requestFrames,
  signalOperation,
} from './requests.js';

const SIGKILL = 9;

/**
 * The guest agent as one host process sees it.
 *
 * Every operation waits for the hello first, and rejects with what it failed with: `agent_protocol` when the agent misbehaves or
 * cannot be understood, `agent_unavailable` when the link is gone. There is no time limit in here: pass a signal.
 */
export interface AgentClient {
  /** What the agent said first. */
  readonly hello: Promise<Hello>;
  /**
   * Before init, in a machine that is about to be captured for boxes of one image: mounts its disk, builds a container that is not privileged, and reads
   * files into memory. No program of the image runs. An init for the same disk goes on from there.
   * @throws BoxliteError `invalid_state` when it has been done, or an init has; `disk_invalid`, `image_invalid`, `invalid_argument`, `unsupported`
   */
  prepare(options?: PrepareOptions, signal?: AbortSignal): Promise<PrepareResult>;
  /**
   * Makes the container. Once a boot.
   * @throws BoxliteError `invalid_state` when it has been done, `disk_invalid`, `image_invalid`, `invalid_argument`, `unsupported`
   */
  init(options: InitOptions, signal?: AbortSignal): Promise<InitResult>;
  /**
   * Stops every process of the container, for a capture of the machine; resolves when they stand still, also when they did before. Commands asked for meanwhile start afterwards.
   * When the host process this client is of ends, the agent thaws by itself.
   * @throws BoxliteError `timeout` when a process did not stop (they go on then), `invalid_state` before init, `storage_error`,
   *   `unsupported`
   */
  quiesce(options?: QuiesceOptions, signal?: AbortSignal): Promise<void>;
  /** Lets them go on. No error when they do. */
  thaw(signal?: AbortSignal): Promise<void>;
  /**
   * Makes a machine that continues from a capture one of its own: random bytes, clock, host name, boot id, and what the options name. All of it before
   * any process of the container runs, where it was captured between `quiesce` and `thaw`; then they go on.
   * @throws BoxliteError `invalid_state` before init, `invalid_argument`, `resource_exhausted`, `unsupported`; they stand still then
   */
  renew(options?: RenewOptions, signal?: AbortSignal): Promise<{ readonly bootId: string; readonly renewUs: number }>;
  ping(signal?: AbortSignal): Promise<void>;
  /**
   * Runs a command in the container; resolves once it runs. Aborting before that kills it, afterwards the signal has no effect.
   * @throws BoxliteError `command_not_found`, `command_not_executable`, `user_not_found`, `cwd_not_found`, `resource_exhausted`,
   *   `invalid_argument`, `aborted`
   */
  exec(options: ExecOptions, signal?: AbortSignal): Promise<GuestExecution>;
}

/**
 * @param channel a connection to the agent, by way of the supervisor; this client becomes its one user
 */
export function createAgentClient(channel: GuestChannel): AgentClient {
  const connection = new AgentConnection(channel);
  return {
    hello: connection.hello,
    async prepare(options = {}, signal) {
      checkAgentPrepares((await withAbort(connection.hello, 'prepare', signal)).capabilities);
      const { result } = await call(
        connection,
        'prepare',
        (id) => encodeRequest(id, prepareOperation(options)),
        signal,
      );
      if (result.case !== 'prepared') throw unexpected('prepare', result.case);
      const { diskUs, readBytes, readFiles } = result.value;
      return { diskUs: Number(diskUs), readBytes: Number(readBytes), readFiles };
    },
    async init(options, signal) {
      if ((options.volumes ?? []).length > 0) {
        checkAgentTakes(options, (await withAbort(connection.hello, 'init', signal)).capabilities);
      }
      const { result } = await call(connection, 'init', (id) => encodeRequest(id, initOperation(options)), signal);
      if (result.case !== 'initDone') throw unexpected('init', result.case);
      return initResult(result.value);
    },
    async quiesce(options = {}, signal) {
      checkAgentRenews('quiesce', (await withAbort(connection.hello, 'quiesce', signal)).capabilities);
      await simple(connection, 'quiesce', quiesceOperation(options), signal);
    },
    async thaw(signal) {
      checkAgentRenews('thaw', (await withAbort(connection.hello, 'thaw', signal)).capabilities);
      await simple(connection, 'thaw', { case: 'thaw', value: {} }, signal);
    },
    async renew(options = {}, signal) {
      checkAgentRenews('renew', (await withAbort(connection.hello, 'renew', signal)).capabilities);
      const { result } = await call(connection, 'renew', (id) => encodeRequest(id, renewOperation(options)), signal);
      if (result.case !== 'renewed') throw unexpected('renew', result.case);
      return { bootId: escapeText(result.value.bootId, 64), renewUs: Number(result.value.renewUs) };
    },
    ping: (signal) => simple(connection, 'ping', { case: 'ping', value: {} }, signal),
    exec: (options, signal) => exec(connection, options, signal),
  };
}

function initResult({ containerUs, machineUs, diskUs, diskGrowthUs, bootId }: InitDone): InitResult {
  return {
    containerUs: Number(containerUs),
    machineUs: Number(machineUs),
    diskUs: Number(diskUs),
    diskGrowthUs: Number(diskGrowthUs),
    bootId: escapeText(bootId, 64),
  };
}

/** A request whose answer says no more than that it is done. */
async function simple(
  connection: AgentConnection,
  what: string,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { result } = await call(connection, what, (id) => encodeRequest(id, operation), signal);
  if (result.case !== 'done') throw unexpected(what, result.case);
}

/** One request, one response, on a stream of its own. */
async function call(
  connection: AgentConnection,
  what: string,
  encode: (id: number) => Uint8Array,
  signal?: AbortSignal,
): Promise<Response> {
  const id = connection.nextRequestId();
  const payload = encode(id);
  const { capabilities } = await withAbort(connection.hello, what, signal);
  // Checked before a stream is taken: a request that is never sent must not hold one.
  requestFrames(0, payload, capabilities);
  const answer = createDeferred<Response>();
  const stream = connection.open({
    onResponse(response, end) {
      if (response.id !== id || !end) return `an unexpected answer to ${what}`;
      if (response.result.case === 'error') answer.reject(fromWireError(response.result.value, what));
      else answer.resolve(response);
      return undefined;
    },
    onData: () => `data on the stream of ${what}`,
    onCredit: () => `credit on the stream of ${what}`,
    onLost: (reason) => answer.reject(reason),
  });
  await connection.sendAll(requestFrames(stream, payload, capabilities));
  return withAbort(answer.promise, what, signal);
}

async function exec(connection: AgentConnection, options: ExecOptions, signal?: AbortSignal): Promise<GuestExecution> {
  const id = connection.nextRequestId();
  const payload = encodeRequest(id, execOperation(options));
  const command = `"${escapeText(options.argv[0] ?? '', 160)}"`;
  const { capabilities } = await withAbort(connection.hello, command, signal);
  requestFrames(0, payload, capabilities);
  const execution = new ExecutionStream(connection, id, command);
  await connection.sendAll(requestFrames(execution.stream, payload, capabilities));
  try {
    return await withAbort(execution.started.promise, command, signal);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'aborted')) {
      connection.post({
        type: FrameType.REQUEST,
        stream: execution.stream,
        payload: encodeRequest(connection.nextRequestId(), signalOperation(SIGKILL, true)),
      });
      void execution.detach();
    }
    throw thrown;
  }
}

/** The promise, or `aborted` as soon as the signal says so. */
async function withAbort<T>(promise: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = createDeferred<never>();
  const onAbort = () => aborted.reject(new BoxliteError('aborted', `${what}: aborted`, { cause: signal.reason }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function unexpected(what: string, got: string | undefined): BoxliteError {
  return new BoxliteError('agent_protocol', `the guest agent answered ${what} with ${got ?? 'nothing'}`);
}
