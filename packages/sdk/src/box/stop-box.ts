import type { BoxRecord, BoxStateRecord, ExitRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { removeShares } from '../init/volume-shares.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { withinTime } from '../runtime/time-limit.js';
import { connectBox, disconnect, isGone } from './connect-box.js';
import { endedState } from './ended-state.js';
import { forgetJail } from './forget-jail.js';
import { killVm } from './kill-vm.js';
import type { LiveBox } from './live-box.js';
import { claimsToRun } from './reconcile.js';
import { releaseJail } from './release-jail.js';
import { removeBoxFiles } from './remove-box-files.js';

/** How long the agent has to end the container and unmount its disk, in milliseconds. */
export const DEFAULT_STOP_GRACE_MS = 10_000;
/** Beyond the grace, within which a supervisor that works has killed the VMM. */
const SUPERVISOR_MARGIN_MS = 3_000;

export interface StopOptions {
  /** Milliseconds until what is left is killed; 0 kills at once. */
  readonly graceMs?: number | undefined;
  /** Gives up waiting; the stop itself goes on in the supervisor. */
  readonly signal?: AbortSignal | undefined;
}

/** How a box ends whose end is somebody's means to another one. */
interface EndOptions extends StopOptions {
  /** It is removed, too. Default: as the box says. */
  readonly removes?: boolean;
}

/** Stops a box and records it, or removes it. The caller holds the box's lease; `live` is this process's connection, if it has one. */
export async function stopBox(
  services: RuntimeServices,
  record: BoxRecord,
  box: BoxLayout,
  live: LiveBox | undefined,
  { graceMs = DEFAULT_STOP_GRACE_MS, signal, removes = false }: EndOptions,
): Promise<void> {
  const { id } = record.config;
  const goes = removes || parseBoxOptions(record.config.options).autoRemove;
  if (!claimsToRun(record.state.status)) {
    // Whoever started it may have died before it was recorded.
    await killVm(services, box);
    // Also one whose start failed: whoever stops it has seen why.
    if (goes) await removeBoxFiles(services, record, box);
    return;
  }
  if (record.state.status === 'running') {
    // For whoever goes on with it when this process ends; after a power cut nothing runs.
    const stopping = (state: BoxStateRecord): BoxStateRecord => ({
      ...state,
      status: 'stopping',
      updatedAt: Date.now(),
    });
    await services.store.boxes.update(id, stopping, { durable: false });
  }
  const exit = await endVm(services, record, box, live, graceMs, signal);
  if (!goes) await forgetJail(services, id);
  await releaseJail(services, id, live);
  await removeShares(box);
  // How it ended is of no use in a record that goes.
  if (goes) await removeBoxFiles(services, record, box);
  else await services.store.boxes.update(id, (state) => endedState(state, exit, Date.now()));
}

/** Asked for: however the VMM went down in the end, the box is stopped and not failed. */
const STOPPED: ExitRecord = { kind: 'Clean', reason: 'shutdown' };

async function endVm(
  services: RuntimeServices,
  record: BoxRecord,
  box: BoxLayout,
  live: LiveBox | undefined,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<ExitRecord> {
  try {
    const connection = live ?? (await connectBox(services, record, box, signal));
    // Its agent can only end the container in good order when it runs.
    if (record.state.status === 'paused' && graceMs > 0) await connection.vm.resume?.();
    const ending = graceMs === 0 ? connection.vm.kill() : connection.vm.stop(graceMs);
    const exit = await withinTime(ending, graceMs + SUPERVISOR_MARGIN_MS, signal, `stopping box ${box.id}`);
    if (exit !== 'timeout') await disconnect(connection);
    if (exit !== 'timeout' && exit.kind === 'Clean') return exit;
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown; // else it ended on its own meanwhile, which is what was wanted
  }
  await killVm(services, box);
  return STOPPED;
}
