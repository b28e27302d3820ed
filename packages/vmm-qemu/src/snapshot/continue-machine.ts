import { BoxliteError, escapeText, type SupervisedVm, type VmmSpec } from '@boxlite/core';
import { awaitMachine } from '../await-machine.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { recordOf } from '../qmp/qmp-messages.js';
import { invalid } from './check-snapshot.js';
import { disksOf } from './machine-shape.js';
import { resizeDisks } from './resize-disks.js';
import type { StateTrailer } from './state-trailer.js';

/** What QEMU says of a state it cannot load (migration/savevm.c, system/physmem.c), and one before 8.2 of the state of a newer one (migration/migration.c). */
const REFUSALS = /load of migration failed|error while loading state|backing store size|unknown migration protocol/;

export interface ContinueOptions {
  readonly monitorPath: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits until QEMU has loaded its state, tells the guest of disks of another size, lets it run and connects the agent link.
 * @throws BoxliteError `snapshot_invalid` with what QEMU said of the state, and as `awaitMachine`
 */
export async function continueMachine(
  vm: SupervisedVm,
  spec: VmmSpec,
  trailer: StateTrailer,
  { monitorPath, timeoutMs, signal }: ContinueOptions,
): Promise<void> {
  const goOn = async (monitor: QmpClient) => {
    if (monitor.version !== trailer.qemu) {
      throw invalid('from.state', `it was made by QEMU ${trailer.qemu}, this is ${escapeText(monitor.version)}`);
    }
    // Asked together: each answer alone would be a turn of two processes.
    const [disks] = await Promise.all([disksOf(monitor), loaded(monitor, timeoutMs, signal)]);
    await resizeDisks(monitor, trailer, disks);
    await Promise.all([monitor.execute('cont'), connectAgent(monitor, spec.agentSocket)]);
  };
  try {
    await awaitMachine(vm, spec.boxId, monitorPath, timeoutMs, signal, goOn);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'vmm_failed') || !REFUSALS.test(thrown.message)) throw thrown;
    throw invalid('from.state', thrown.message, thrown);
  }
}

/** A regular file is read without a pause, so QEMU mostly is done when it answers for the first time. */
async function loaded(monitor: QmpClient, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  const done = new AbortController();
  const limits = { timeoutMs, signal: signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]) };
  const event = monitor.event((name, { status }) => name === 'MIGRATION' && status === 'completed', limits);
  const asked = monitor.execute('query-status').then(async (answer) => {
    if (recordOf(answer).status === 'inmigrate') await event;
  });
  try {
    await Promise.race([event, asked]);
  } finally {
    done.abort();
    await Promise.allSettled([event, asked]);
  }
}

/** The host's side of the port was closed until here, and what the guest had under way on the old link was dropped. */
async function connectAgent(monitor: QmpClient, path: string): Promise<void> {
  const address = { type: 'unix', data: { path } };
  const backend = { type: 'socket', data: { addr: address, server: false } };
  await monitor.execute('chardev-change', { id: 'agent', backend });
}
