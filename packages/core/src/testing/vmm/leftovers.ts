import assert from 'node:assert/strict';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VmmHost } from '../../contracts/vmm-handler.js';
import { errnoOf } from '../../errors/to-boxlite-error.js';
import type { ProcessIdentity } from '../../ids/process-identity.js';
import { eventuallyNone } from '../eventually.js';
import { descendantsOf, isRunning } from '../processes.js';
import { rejectsWith } from '../rejects-with.js';
import type { VmmTestMachine } from './test-machine.js';
import type { WatchedHost } from './watched-host.js';

/** What is there before a start. */
export interface Surroundings {
  readonly processes: readonly ProcessIdentity[];
}

export function surroundings(): Surroundings {
  return { processes: descendantsOf([process.pid]) };
}

/** Children of this process, and theirs, that were not there before. */
export function newProcesses(before: Surroundings): readonly ProcessIdentity[] {
  return descendantsOf([process.pid]).filter(
    ({ pid, startTime }) => !before.processes.some((known) => known.pid === pid && known.startTime === startTime),
  );
}

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
  await assertNoSockets(machine.host);
  const { supervisor, request } = machine.host;
  await rejectsWith(supervisor.connect(request.controlDir), 'agent_unavailable');
  assert.ok(!(await exists(request.pidFile)), `the record ${request.pidFile} is left`);
}

async function assertNoSockets({ request }: VmmHost): Promise<void> {
  const directories = new Set([request.controlDir, dirname(request.agentSocket), dirname(request.pidFile)]);
  const left: string[] = [];
  for (const directory of directories) {
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      if ((await lstat(path)).isSocket()) left.push(path);
    }
  }
  assert.deepEqual(left, [], 'sockets are left');
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    // Gone with everything in it.
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
