import { join } from 'node:path';
import { BoxliteError, type BoxRecord, type RunningVm, type SupervisedVm } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import type { LiveBox } from './live-box.js';

/**
 * Attaches to a box that runs already, without waiting for readiness beyond the agent's hello, which the supervisor repeats at once.
 * @throws BoxliteError `agent_unavailable` when nobody serves the box any more
 */
export async function connectBox(
  services: RuntimeServices,
  record: BoxRecord,
  box: BoxLayout,
  signal?: AbortSignal,
): Promise<LiveBox> {
  const { vmmId } = record.state;
  const [supervisor, vmm] = await Promise.all([
    services.supervisor(),
    vmmId === undefined ? undefined : services.vmmToAttach(vmmId),
  ]);
  const supervised = await supervisor.connect(box.controlDir, signal);
  const { memoryMib } = parseBoxOptions(record.config.options);
  const machine = { boxId: box.id, memoryMib, agentSocket: box.agentSocket };
  const vm =
    vmm?.attach(supervised, (name) => join(box.controlDir, `${name}.sock`), machine) ?? superviseOnly(supervised);
  const agent = await services.agent(vm.channel);
  return { vm, agent };
}

/**
 * A machine whose plugin is not loaded here: all that every VMM does goes over the supervisor. So a box can be used, stopped and removed without
 * the plugin; only starting it needs that.
 */
function superviseOnly(vm: SupervisedVm): RunningVm {
  return {
    identity: vm.welcome.vmm,
    channel: vm.channel,
    wait: () => vm.wait(),
    stop: (graceMs) => vm.stop(graceMs),
    kill: () => vm.kill(),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}

/** True for the error of a connection whose other side has gone. */
export function isGone(thrown: unknown): boolean {
  return BoxliteError.isInstance(thrown, 'agent_unavailable');
}

/** Gives up a connection without touching the box. */
export async function disconnect(live: { readonly vm: RunningVm }): Promise<void> {
  await live.vm.close();
}
