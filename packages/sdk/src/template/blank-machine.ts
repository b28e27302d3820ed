import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { BoxRecord, VmmSnapshot, VmmSpec } from '@boxlite/core';
import { type BoxLayout, createBoxId } from '@boxlite/layout';
import { boxLeaseEntity } from '../box/with-box-lease.js';
import { checkMachine } from '../init/check-machine.js';
import { CleanupGuard } from '../init/cleanup-guard.js';
import { connectGuest } from '../init/connect-guest.js';
import { containerDiskPath } from '../init/container-disk.js';
import { machineSpec } from '../init/machine-spec.js';
import { spawnMachine } from '../init/spawn-machine.js';
import { filesystemSetup } from '../init/stages/filesystem-setup.js';
import { guestKernel } from '../init/stages/guest-kernel.js';
import { required, type StartContext } from '../init/start-context.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { BLANK_MARK } from './blank-mark.js';
import { withUnrecorded } from './capture-host-users.js';
import type { MachineShape } from './machine-shape.js';
import { copyTemplateDisk } from './template-disk.js';
import type { NewDisk } from './template-image.js';

/** Of the VMM's threads while it boots in the background. */
const NICE = 10;

/** A machine without a box. */
export interface BlankMachine {
  readonly context: StartContext;
  /** As it boots. */
  readonly machine: VmmSpec;
  /**
   * Starts it, jailed as a box is, and waits for the guest to be ready.
   * @param from goes on from there instead of booting
   * @throws BoxliteError as a start
   */
  start(timeoutMs: number, from?: VmmSnapshot): Promise<void>;
}

/** How a blank machine is run. */
export interface BlankMachineOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gives everybody else the processors first. */
  readonly isBackground?: boolean;
  /** What stands for a box's disk: an empty one of so many bytes, a new one of an image, or a copy of a template's. Default: an empty one. */
  readonly disk?: BlankDisk;
}

/** See {@link BlankMachineOptions}. */
export type BlankDisk =
  | { readonly bytes?: number }
  | NewDisk
  | { readonly copyOf: string; readonly format: 'raw' | 'qcow2'; readonly base: string };

/**
 * Prepares a machine of a shape in a directory of `boxes/` that has no record, lets `use` work with it, and removes everything again. The lease of a box
 * keeps other processes away from it as long as this one lives; afterwards its directory is an orphan like any other.
 */
export async function withBlankMachine<T>(
  services: RuntimeServices,
  shape: MachineShape,
  { signal, isBackground = false, disk }: BlankMachineOptions,
  use: (blank: BlankMachine) => Promise<T>,
): Promise<T> {
  const box = services.layout.box(createBoxId());
  const lease = await services.store.leases.acquire(boxLeaseEntity(box.id), 'template');
  const guard = new CleanupGuard({
    markFailed: async () => undefined,
    countFailure: () => undefined,
    log: (message, cause) => services.log({ level: 'warn', message, cause }),
  });
  const context = blankContext(services, shape, { box, guard, signal });
  guard.onFailure('remove the files of a blank machine', () => box.cleanup());
  try {
    await filesystemSetup.run(context);
    writeFileSync(join(box.dir, BLANK_MARK), '', { mode: 0o600 });
    const rootfs = await services.guestRootfs(signal);
    guard.onFailure('release the guest rootfs', () => rootfs.release());
    context.guestRootfsPath = rootfs.rootfs.path;
    await guestKernel.run(context);
    await makeDisk(context, shape, disk);
    const machine = await machineSpec(context);
    checkMachine(required(context, 'vmm'), machine);
    const start = async (timeoutMs: number, from?: VmmSnapshot): Promise<void> => {
      await spawnMachine(context, from === undefined ? machine : { ...machine, from });
      if (isBackground) lowerPriority(required(context, 'vm').identity.pid);
      await connectGuest(context, timeoutMs);
      // Requests are answered in order: by now the guest has prepared whatever it prepares before it becomes a box.
      await required(context, 'agent').ping(signal);
    };
    return await use({ context, machine, start });
  } finally {
    // Whether it went well or not: nothing of it stays.
    await guard.trip(undefined);
    await lease.release();
  }
}

function blankContext(
  services: RuntimeServices,
  { options }: MachineShape,
  parts: { readonly box: BoxLayout; readonly guard: CleanupGuard; readonly signal: AbortSignal | undefined },
): StartContext {
  const now = Date.now();
  const record: BoxRecord = {
    config: { id: parts.box.id, createdAt: now, options: {} },
    state: { status: 'configured', updatedAt: now },
  };
  return {
    ...{ services, record, options, onImageProgress: undefined },
    ...parts,
    hostUsers: withUnrecorded(services.store, record),
  };
}

/** A disk in the place of a box's: of the same format, and with nothing of a box on it. */
async function makeDisk(context: StartContext, { diskStore }: MachineShape, wanted: BlankDisk = {}): Promise<void> {
  const disks = await context.services.disks(diskStore);
  const made = disks.format ?? 'qcow2';
  const path = containerDiskPath(made, context.box);
  const over = 'base' in wanted ? wanted.base : required(context, 'guestRootfsPath');
  if ('copyOf' in wanted) {
    await copyTemplateDisk({ from: wanted.copyOf, format: wanted.format }, path);
  } else {
    const bytes = 'virtualSize' in wanted ? wanted.virtualSize : wanted.bytes;
    const size = bytes === undefined ? {} : { virtualSize: bytes };
    await disks.createChild(path, { path: over, format: 'raw' }, size);
  }
  context.disk = { path, store: disks.id, format: made, ...(made === 'raw' ? {} : { base: over }) };
}

/** Of each thread: on Linux a priority is a thread's own, and those of the virtual processors are there already. */
function lowerPriority(pid: number): void {
  try {
    const threads = process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).map(Number) : [pid];
    for (const thread of threads) setPriority(thread, NICE);
  } catch {
    // It ended, or is not ours to slow down: what matters is that it runs.
  }
}
