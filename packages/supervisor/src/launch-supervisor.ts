import { BoxliteError, type SupervisedVm, type SuperviseRequest } from '@boxlite/core';
import { connectSupervisor } from './connect-supervisor.js';
import { greetConnection } from './greet-connection.js';
import { holdWatchdog } from './hold-watchdog.js';
import { encodeLaunchConfig } from './launch-config.js';
import type { SpareSupervisor } from './spare-supervisor.js';
import { type SupervisorProcess, spawnSupervisor } from './spawn-supervisor.js';
import { type LaunchStatus, launchFailure, parseStatusLine } from './status-line.js';

/** Longer than any status line (`line` in native/src/status.c). */
const MAX_STATUS_BYTES = 65_536;
/** A supervisor that was told to go undoes its start in milliseconds. */
const GIVE_UP_MS = 5000;

/**
 * Has a supervisor carry out a request: the spare one, else one that is spawned.
 * @throws BoxliteError `invalid_argument`, `supervisor_failed`, `vmm_failed` (`details.step` names the step) or `aborted`; nothing is left
 *   running then
 */
export async function launchSupervisor(
  binary: string,
  request: SuperviseRequest,
  signal?: AbortSignal,
  spares?: SpareSupervisor,
): Promise<SupervisedVm> {
  const config = encodeLaunchConfig(request);
  if (signal?.aborted) throw aborted(request);
  const started = spares?.take() ?? spawnSupervisor(binary, !request.detached);
  const abort = () => started.child.kill('SIGQUIT');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    // EPIPE: it ended before it had read everything, and its status or its end says why.
    started.config.on('error', () => undefined);
    started.config.end(config);
    const status = await readStatus(started.status);
    if (status?.event !== 'started') throw await failureOf(started, binary, request, status);
    if (request.detached) started.watchdog?.destroy();
    else if (started.watchdog !== undefined) holdWatchdog(started.watchdog);
    const dial = () => connectSupervisor(request.controlDir, undefined, request.exitFile);
    const vm = await greetConnection(started.connection, { exitFile: request.exitFile, dial });
    if (signal?.aborted) throw aborted(request);
    return vm;
  } catch (error) {
    await giveUp(started);
    throw signal?.aborted ? aborted(request) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
    spares?.launched();
  }
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
