import assert from 'node:assert/strict';
import { eventuallyNone } from '../eventually.js';
import { isRunning } from '../processes.js';
import { rejectsWith } from '../rejects-with.js';
import { assertNoFilesOf, newProcesses, type Surroundings } from '../surroundings.js';
import type { VmmTestMachine } from './test-machine.js';
import type { WatchedHost } from './watched-host.js';

/**
 * Asserts that a start, or a machine that has ended, has left neither processes nor sockets nor a record, and has given its jail back.
 * @param start.watched without it the jail is the caller's
 */
export async function assertNothingLeft(start: {
  readonly machine: VmmTestMachine;
  readonly before: Surroundings;
  readonly watched?: WatchedHost;
}): Promise<void> {
  const { machine, before, watched } = start;
  assert.ok(watched?.isPrepared !== true, 'the jail was prepared and has not been released');
  for (const vm of watched?.started ?? []) {
    assert.ok(!isRunning(vm.welcome.vmm), `the VMM runs on as process ${vm.welcome.vmm.pid}`);
  }
  await eventuallyNone(() => newProcesses(before), 'processes are left');
  await assertNoFilesOf(machine.host.request);
  const { supervisor, request } = machine.host;
  await rejectsWith(supervisor.connect(request.controlDir), 'agent_unavailable');
}
