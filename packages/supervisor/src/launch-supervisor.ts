import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { BoxliteError, type SupervisedVm, type SuperviseRequest } from '@boxlite/core';
import { connectSupervisor } from './connect-supervisor.js';
import { greetConnection } from './greet-connection.js';
import { holdWatchdog } from './hold-watchdog.js';
import { encodeLaunchConfig } from './launch-config.js';
import { type LaunchStatus, launchFailure, parseStatusLine } from './status-line.js';

/** Longer than any status line (`line` in native/src/status.c). */
const MAX_STATUS_BYTES = 65_536;
/** A supervisor that was told to go undoes its start in milliseconds. */
const GIVE_UP_MS = 5000;

/** Its ends of the five descriptors of the supervisor (native/src/main.c). */
interface SupervisorProcess {
  readonly child: ChildProcess;
  readonly config: NodeJS.WritableStream;
  readonly status: NodeJS.ReadableStream;
  readonly watchdog: Socket | undefined;
  readonly connection: Socket;
  readonly exited: Promise<string>;
}

/**
 * Spawns a supervisor for a request.
 * @throws BoxliteError `invalid_argument`, `supervisor_failed`, `vmm_failed` (`details.step` names the step) or `aborted`; nothing is left
 *   running then
 */
export async function launchSupervisor(
  binary: string,
  request: SuperviseRequest,
  signal?: AbortSignal,
): Promise<SupervisedVm> {
  const config = encodeLaunchConfig(request);
  if (signal?.aborted) throw aborted(request);
  const started = spawnSupervisor(binary, request);
  const abort = () => started.child.kill('SIGQUIT');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    // EPIPE: it ended before it had read everything, and its status or its end says why.
    started.config.on('error', () => undefined);
    started.config.end(config);
    const status = await readStatus(started.status);
    if (status?.event !== 'started') throw await failureOf(started, binary, request, status);
    if (started.watchdog !== undefined) holdWatchdog(started.watchdog);
    const dial = () => connectSupervisor(request.controlDir, undefined, request.exitFile);
    const vm = await greetConnection(started.connection, { exitFile: request.exitFile, dial });
    if (signal?.aborted) throw aborted(request);
    return vm;
  } catch (error) {
    await giveUp(started);
    throw signal?.aborted ? aborted(request) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function spawnSupervisor(binary: string, request: SuperviseRequest): SupervisorProcess {
  const child = spawn(binary, [], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', request.detached ? 'ignore' : 'pipe', 'pipe'],
  });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signalName) => resolve(`it ended with ${signalName ?? `status ${code}`}`));
  });
  const [, , , watchdog, connection] = child.stdio;
  child.unref();
  // Until somebody reads it, a reset only means that the supervisor has ended; its status says why.
  connection?.on('error', () => undefined);
  return {
    child,
    exited,
    // Pipes as asked for above; Node makes both ends of extra ones sockets.
    config: child.stdin as NodeJS.WritableStream,
    status: child.stdout as NodeJS.ReadableStream,
    watchdog: (watchdog as Socket | null) ?? undefined,
    connection: connection as Socket,
  };
}

/** The one line of status; undefined when the supervisor ended without it. */
async function readStatus(stream: NodeJS.ReadableStream): Promise<LaunchStatus | undefined> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_STATUS_BYTES) break;
  }
  return parseStatusLine(text);
}

async function failureOf(
  { exited }: SupervisorProcess,
  binary: string,
  request: SuperviseRequest,
  status: LaunchStatus | undefined,
): Promise<BoxliteError> {
  if (status?.event === 'failed') return launchFailure(request.boxId, status);
  return new BoxliteError(
    'supervisor_failed',
    `the supervisor of box ${request.boxId} could not run (${binary}): ${await exited}`,
    {
      hint: 'check that the program was built (pnpm build) and may be executed',
      details: { boxId: request.boxId, step: 'spawn', field: 'binary' },
    },
  );
}

/** Ends a supervisor whose start failed or is not wanted any more, and waits until it is gone. */
async function giveUp({ child, exited, watchdog, connection }: SupervisorProcess): Promise<void> {
  child.kill('SIGQUIT');
  const timer = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
  child.ref();
  await exited;
  clearTimeout(timer);
  watchdog?.destroy();
  connection.destroy();
}

function aborted(request: SuperviseRequest): BoxliteError {
  return new BoxliteError('aborted', `starting box ${request.boxId} was aborted`, {
    details: { boxId: request.boxId },
  });
}
