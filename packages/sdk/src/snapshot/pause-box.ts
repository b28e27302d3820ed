import { BoxliteError, type BoxRecord } from '@boxlite/core';
import type { LiveBox } from '../box/live-box.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { vmmCannot } from './vmm-that-can.js';

type PauseServices = Pick<RuntimeServices, 'store' | 'registry' | 'vmmToAttach'>;

/**
 * Makes a running box stand still, in memory and without using a processor. Recorded first: whoever finds a box that is recorded as paused lets it go on
 * before using it, which does no harm to one that was not paused yet. The caller holds the box's lease.
 * @param mayPause asked once it is recorded; false undoes it
 * @returns whether it stands still
 * @throws BoxliteError `unsupported`, `invalid_state` when it does not run, `vmm_failed`
 */
export async function pauseBox(
  services: PauseServices,
  record: BoxRecord,
  { vm }: Pick<LiveBox, 'vm'>,
  mayPause: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  if (record.state.status === 'paused') return true;
  if (record.state.status !== 'running') throw notRunning(record);
  if (vm.pause === undefined) throw await vmmCannot(services, record, 'be paused');
  await recordPaused(services, record, 'paused');
  try {
    if (await mayPause()) {
      await vm.pause();
      return true;
    }
  } catch (thrown) {
    await resumeBox(services, record, { vm });
    throw thrown;
  }
  await recordPaused(services, record, 'running');
  return false;
}

/** Lets a box go on; recorded last. The caller holds the box's lease. */
export async function resumeBox(
  services: PauseServices,
  record: BoxRecord,
  { vm }: Pick<LiveBox, 'vm'>,
): Promise<void> {
  if (vm.resume === undefined) throw await vmmCannot(services, record, 'be resumed');
  await vm.resume();
  await recordPaused(services, record, 'running');
}

/** Records whether a box stands still. The machine is the one that was looked at, or the record is left alone. */
export async function recordPaused(
  { store }: Pick<RuntimeServices, 'store'>,
  { config, state: { vmm } }: BoxRecord,
  status: 'paused' | 'running',
): Promise<void> {
  await store.boxes.update(config.id, (state) => {
    const isSame = state.vmm?.pid === vmm?.pid && state.vmm?.startTime === vmm?.startTime;
    const isUp = state.status === 'running' || state.status === 'paused';
    return isSame && isUp ? { ...state, status, updatedAt: Date.now() } : state;
  });
}

/** The error for what only a running box can do. */
export function notRunning({ config, state }: BoxRecord): BoxliteError {
  const name = config.name ?? config.id;
  return new BoxliteError('invalid_state', `box ${name} is ${state.status}, not running`, {
    hint: `start it first: boxlite start ${name}`,
    details: { field: 'status', status: state.status },
  });
}
