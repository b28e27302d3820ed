import { type BoxRecord, type ExitRecord, isActive } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { connectBox, disconnect, isGone } from './connect-box.js';
import { endedState } from './ended-state.js';
import type { LiveBox } from './live-box.js';
import { removeBoxFiles } from './remove-box.js';

/** How long the agent has to end the container and unmount its disk, in milliseconds. */
export const DEFAULT_STOP_GRACE_MS = 10_000;

export interface StopOptions {
  /** Milliseconds until what is left is killed; 0 kills at once. */
  readonly graceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Stops a box and records it. The caller holds the box's lease; `live` is this process's connection, if it has one. */
export async function stopBox(
  services: RuntimeServices,
  record: BoxRecord,
  box: BoxLayout,
  live: LiveBox | undefined,
  { graceMs = DEFAULT_STOP_GRACE_MS, signal }: StopOptions,
): Promise<void> {
  const { id } = record.config;
  if (!isActive(record.state.status) && record.state.status !== 'stopping') return;
  if (record.state.status === 'running') {
    await services.store.boxes.update(id, (state) => ({ ...state, status: 'stopping', updatedAt: Date.now() }));
  }
  const exit = await endVm(services, record, box, live, graceMs, signal);
  await services.store.boxes.update(id, (state) => endedState(state, exit, Date.now()));
  if (parseBoxOptions(record.config.options).autoRemove) await removeBoxFiles(services, id, box);
}

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
    const exit = await (graceMs === 0 ? connection.vm.kill() : connection.vm.stop(graceMs));
    await disconnect(connection);
    // Asked for: however the VMM went down in the end, the box is stopped and not failed.
    return exit.kind === 'Clean' ? exit : { kind: 'Clean', reason: 'shutdown' };
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
    return { kind: 'Clean', reason: 'shutdown' }; // It ended on its own meanwhile, which is what was wanted.
  }
}
