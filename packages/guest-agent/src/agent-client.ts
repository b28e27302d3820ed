import { BoxliteError, escapeText, FrameType, type GuestChannel } from '@boxlite/core';
import { AgentConnection } from './agent-connection.js';
import { fromWireError } from './agent-error.js';
import { createDeferred } from './deferred.js';
import type { ExecOptions, InitOptions } from './exec-options.js';
import type { Response } from './gen/agent_pb.js';
import { ExecutionStream, type GuestExecution } from './guest-execution.js';
import type { Hello } from './hello.js';
import {
  checkAgentTakes,
  encodeRequest,
  execOperation,
  initOperation,
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
   * Makes the container. Once a boot.
   * @returns how long the guest took, in microseconds, and what of that growing the disk's file system took (0: it filled its device)
   * @throws BoxliteError `invalid_state` when it has been done, `disk_invalid`, `image_invalid`, `invalid_argument`, `unsupported`
   */
  init(
    options: InitOptions,
    signal?: AbortSignal,
  ): Promise<{ readonly containerUs: number; readonly diskGrowthUs: number }>;
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
    async init(options, signal) {
      if ((options.volumes ?? []).length > 0) {
        checkAgentTakes(options, (await withAbort(connection.hello, 'init', signal)).capabilities);
      }
      const { result } = await call(connection, 'init', (id) => encodeRequest(id, initOperation(options)), signal);
      if (result.case !== 'initDone') throw unexpected('init', result.case);
      const { containerUs, diskGrowthUs } = result.value;
      return { containerUs: Number(containerUs), diskGrowthUs: Number(diskGrowthUs) };
    },
    async ping(signal) {
      const encode = (id: number) => encodeRequest(id, { case: 'ping', value: {} });
      const { result } = await call(connection, 'ping', encode, signal);
      if (result.case !== 'done') throw unexpected('ping', result.case);
    },
    exec: (options, signal) => exec(connection, options, signal),
  };
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
