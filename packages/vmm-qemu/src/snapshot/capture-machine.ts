import {
  type AttachedMachine,
  BoxliteError,
  type CaptureOptions,
  escapeText,
  throwIfAborted,
  toBoxliteError,
  type VmmSnapshot,
} from '@boxlite/core';
import type { QmpClient } from '../qmp/qmp-client.js';
import { recordOf } from '../qmp/qmp-messages.js';
import { machineShape } from './machine-shape.js';
import { SparseWriter } from './sparse-writer.js';
import { type StagedSnapshot, stageSnapshot } from './staged-snapshot.js';
import type { MachineShape } from './state-trailer.js';
import { StateWriter } from './state-writer.js';
import { listenForStream } from './stream-listener.js';
import { StreamSplitter } from './stream-splitter.js';

const MIB = 1024 * 1024;
/** The stream goes through a unix socket: QEMU's default of 128 MiB a second would only keep the guest waiting. */
const MAX_BANDWIDTH = 2 ** 40;
/** From the end of the stream to QEMU's word that it was the whole; and from a broken stream to the end of the attempt. */
const SETTLE_TIMEOUT_MS = 30_000;
/** The longest a capture may take: far more than 2 GiB in use need on a busy machine. */
const CAPTURE_TIMEOUT_MS = 600_000;
/** States of a migration that nothing follows (QEMU, qapi/migration.json). */
const SETTLED: readonly unknown[] = ['completed', 'failed', 'cancelled'];

/** What is captured, and how. */
export interface Capture extends CaptureOptions {
  readonly machine: AttachedMachine;
  readonly target: VmmSnapshot;
  readonly isDurable: boolean;
}

/**
 * Captures a machine: it stands still, QEMU streams it to us as if it were to go on elsewhere, we keep memory and state apart, and it goes on here.
 * @throws BoxliteError `already_exists`, `vmm_failed`, `disk_full`, `storage_error`, `timeout`, `aborted`, and what `whileStill` throws; the machine goes
 *   on, and neither file is left
 */
export async function captureMachine(monitor: QmpClient, capture: Capture): Promise<void> {
  const { machine, target, isDurable, signal } = capture;
  const what = `capturing box ${machine.boxId}`;
  try {
    throwIfAborted(signal, what);
    await using files = await stageSnapshot(target);
    const shape = await machineShape(monitor, machine.memoryMib);
    const { running } = recordOf(await monitor.execute('query-status'));
    await monitor.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
    await monitor.execute('migrate-set-parameters', { 'max-bandwidth': MAX_BANDWIDTH });
    const goOn = async () => {
      if (running === true) await monitor.execute('cont');
    };
    try {
      if (running === true) await monitor.execute('stop');
      await captureStill(monitor, capture, files, shape);
    } catch (thrown) {
      // That it cannot go on either is told by the same cause.
      await Promise.allSettled([goOn()]);
      throw thrown;
    }
    await goOn();
    await files.commit(isDurable);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'vmm_failed', what);
  }
}

async function captureStill(
  monitor: QmpClient,
  { machine, signal, whileStill }: Capture,
  files: StagedSnapshot,
  shape: MachineShape,
): Promise<void> {
  const state = new StateWriter(files.state);
  await stream(monitor, machine, files, state, signal);
  await state.finish(shape);
  throwIfAborted(signal, `capturing box ${machine.boxId}`);
  await whileStill?.();
  throwIfAborted(signal, `capturing box ${machine.boxId}`);
}

/** Resolves when all of it is in the files, rejects when the attempt is over. */
async function stream(
  monitor: QmpClient,
  { agentSocket, memoryMib }: AttachedMachine,
  files: StagedSnapshot,
  state: StateWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const memoryBytes = memoryMib * MIB;
  const memory = new SparseWriter(files.memory, memoryBytes);
  const splitter = new StreamSplitter(
    {
      state: (bytes) => state.add(bytes),
      page: (address, bytes) => memory.page(address, bytes),
      zeroPage: (address) => memory.zeroPage(address),
    },
    memoryBytes,
  );
  await using listener = await listenForStream(agentSocket);
  const giveUp = new AbortController();
  const received = listener.receive(
    async (chunk) => {
      splitter.push(chunk);
      await Promise.all([memory.settle(), state.settle()]);
    },
    signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]),
  );
  const sent = migrate(monitor, listener.path);
  try {
    await Promise.all([received, sent]);
  } catch (thrown) {
    giveUp.abort();
    await Promise.allSettled([received, settledWithin(sent, monitor)]);
    throw thrown;
  }
  splitter.end();
  await memory.finish();
  await files.memory.truncate(memoryBytes);
}

/** @throws BoxliteError `vmm_failed` with QEMU's reason */
async function migrate(monitor: QmpClient, path: string): Promise<void> {
  const refused = new AbortController();
  const isSettled = (name: string, { status }: Readonly<Record<string, unknown>>) =>
    name === 'MIGRATION' && SETTLED.includes(status);
  const settled = monitor.event(isSettled, { timeoutMs: CAPTURE_TIMEOUT_MS, signal: refused.signal });
  const begun = monitor.execute('migrate', { uri: `unix:${path}` }).catch((thrown: unknown) => {
    refused.abort(thrown);
    throw thrown;
  });
  await Promise.all([begun, settled]);
  const [answer] = await Promise.all([monitor.execute('query-migrate'), finished(monitor)]);
  const { status, 'error-desc': reason } = recordOf(answer);
  if (status === 'completed') return;
  throw new BoxliteError('vmm_failed', `QEMU did not finish its stream: ${escapeText(String(reason ?? status))}`, {
    hint: 'try again; if it stays so, stop the box and start it again',
  });
}

/** QEMU tells of the end before it has left the state in which it refuses to go on (`qmp_cont`); it does so within the same millisecond. */
async function finished(monitor: QmpClient): Promise<void> {
  const end = Date.now() + SETTLE_TIMEOUT_MS;
  while (recordOf(await monitor.execute('query-status')).status === 'finish-migrate' && Date.now() < end);
}

/** A guest that went on while QEMU still reads its memory would not be what is captured next. */
async function settledWithin(sent: Promise<void>, monitor: QmpClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(() => resolve(), SETTLE_TIMEOUT_MS);
  });
  try {
    await monitor.execute('migrate_cancel');
    await Promise.race([sent, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
