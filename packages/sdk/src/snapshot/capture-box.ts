import {
  BoxliteError,
  type BoxRecord,
  digestHex,
  type RunningVm,
  type SnapshotMachine,
  type VmmSnapshot,
} from '@boxlite/core';
import type { BoxLayout, StagingArea } from '@boxlite/layout';
import type { LiveBox } from '../box/live-box.js';
import { containerDiskOf } from '../init/container-disk.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { captureDisk, type HeldDiskBase } from './capture-disk.js';
import { whileFrozen } from './guest-freeze.js';
import { machineKey } from './machine-key.js';
import { notRunning, recordPaused } from './pause-box.js';
import { vmmCannot } from './vmm-that-can.js';

/** A box that runs, and where it is captured. */
export interface CaptureRequest {
  readonly record: BoxRecord;
  readonly box: BoxLayout;
  readonly live: LiveBox;
  readonly area: StagingArea;
  readonly signal: AbortSignal | undefined;
}

/** A running box at one moment: its memory, and its disk as it was then. */
export interface CapturedBox {
  readonly files: VmmSnapshot;
  readonly machine: SnapshotMachine;
  readonly disk: HeldDiskBase;
}

/**
 * Captures memory and disk of a running or paused box while its processes stand still. It goes on afterwards as it was before. The caller holds the box's
 * lease.
 * @param ability `fork` for children that go on at once: nothing of the memory is made durable
 * @throws BoxliteError `invalid_state` when it does not run; `unsupported` where its VMM, its agent or its volumes do not permit it; `disk_full`,
 *   `storage_error`, `disk_chain_invalid`, `vmm_failed`, `aborted`
 */
export async function captureBox(
  services: RuntimeServices,
  request: CaptureRequest,
  ability: 'snapshot' | 'fork',
): Promise<CapturedBox> {
  const { record, box, live, area, signal } = request;
  const { config, state } = record;
  const capture = await captureOf(services, request, ability);
  const disk = containerDiskOf(state, box);
  const machine = await capturedMachine(services, record, box);
  const files: VmmSnapshot = { memory: area.path('memory'), state: area.path('state') };
  const wasPaused = state.status === 'paused';
  // Its agent has to bring the container to a stand in good order.
  if (wasPaused) await live.vm.resume?.();
  // Whoever uses it next lets it go on, also when this process dies while it stands still.
  else await recordPaused(services, record, 'paused');
  try {
    const kind = ability === 'fork' ? 'clone_base' : 'snapshot';
    const held = await captureDisk(services, { boxId: config.id, disk, kind, area }, (copy) =>
      whileFrozen(live, { id: config.id, log: services.log, signal }, () =>
        capture(files, { whileStill: copy, signal }),
      ),
    );
    return { files, machine, disk: held };
  } finally {
    if (wasPaused) await live.vm.pause?.();
    else await recordPaused(services, record, 'running');
  }
}

async function captureOf(
  services: RuntimeServices,
  { record, live: { vm } }: CaptureRequest,
  ability: 'snapshot' | 'fork',
): Promise<NonNullable<RunningVm['snapshot']>> {
  const { config, state } = record;
  if (state.status !== 'running' && state.status !== 'paused') throw notRunning(record);
  const capture = vm[ability]?.bind(vm);
  const what = ability === 'fork' ? 'be forked' : 'be captured with its memory';
  if (capture === undefined) throw await vmmCannot(services, record, what);
  const { volumes } = parseBoxOptions(config.options);
  if (volumes.length === 0) return capture;
  const names = volumes.map(({ hostPath, guestPath }) => `${hostPath} at ${guestPath}`).join(', ');
  throw new BoxliteError('unsupported', `box ${config.name ?? config.id} cannot ${what}: it shares ${names}`, {
    hint: 'create it without volumes: a share cannot be carried over',
    details: { field: 'volumes', volumes: volumes.map(({ guestPath }) => guestPath) },
  });
}

/** What the machine is that runs, as recorded when it was started. */
async function capturedMachine(services: RuntimeServices, record: BoxRecord, box: BoxLayout): Promise<SnapshotMachine> {
  const { vmmId, kernel, guestRootfs } = record.state;
  if (vmmId === undefined || kernel === undefined || guestRootfs === undefined) {
    throw new BoxliteError('unsupported', `what box ${record.config.id} was started with is not recorded`, {
      hint: 'it was started by an earlier BoxLite: stop it and start it again',
      details: { field: 'kernel' },
    });
  }
  const path = services.layout.kernel(digestHex(kernel.digest));
  const vmm = await services.vmmToAttach(vmmId);
  const key = vmm === undefined ? undefined : await machineKey(vmm, { record, box, kernel: path, guestRootfs });
  if (key === undefined) throw await vmmCannot(services, record, 'be captured with its memory');
  return { vmmId, key, kernel, guestRootfs };
}
