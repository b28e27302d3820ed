import { access } from 'node:fs/promises';
import { BoxliteError, type BoxRecord, digestHex, type SnapshotRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { Box } from '../box/box.js';
import { boxInfo } from '../box/box-info.js';
import { claimsToRun } from '../box/reconcile.js';
import { type StartedBox, type StartOptions, startBox } from '../box/start-box.js';
import { containerDiskOf } from '../init/container-disk.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { baseChain } from './capture-disk.js';
import { baseLeaseEntity } from './collect-disk-bases.js';
import { afterRestore } from './hooks.js';
import { checkKeptFiles, type LookOptions } from './kept-files.js';
import { machineKey } from './machine-key.js';
import { makeChildren } from './make-children.js';
import type { ResumeFrom } from './resume-from.js';
import { rootfsBaseOf } from './rootfs-base.js';
import { snapshotFiles } from './snapshot-box.js';

/** How long a base that is being collected, or captured, is waited for, in milliseconds. */
const BASE_LEASE_WAIT_MS = 10_000;

/** What goes on from a snapshot, once it was found to fit. */
interface FittingSnapshot {
  readonly resume: Omit<ResumeFrom, 'renewedEnv'>;
  readonly base: { readonly path: string; readonly format: 'raw' | 'qcow2'; readonly store: string };
}

/** A snapshot of a box. */
export interface RestoreRequest {
  readonly record: BoxRecord;
  /** Of the box the snapshot is of. */
  readonly box: BoxLayout;
  readonly snapshot: SnapshotRecord;
}

/**
 * Puts a stopped box back to a snapshot, disk and memory, and lets it go on. What its disk has held since is gone. The caller holds the box's lease.
 * @throws BoxliteError `invalid_state` when it runs; `snapshot_invalid` for one that does not fit, and then nothing is changed
 */
export async function restoreBox(
  services: RuntimeServices,
  request: RestoreRequest,
  options: StartOptions,
): Promise<StartedBox> {
  const { record, box, snapshot } = request;
  if (claimsToRun(record.state.status)) throw stillRuns(record);
  return holdingBase(services, snapshot, async () => {
    const { resume, base } = await fittingSnapshot(services, request, { signal: options.signal });
    for (const id of await baseChain(services, base)) await services.store.baseDisks.addReference(id, box.id);
    await services.store.baseDisks.addReference(rootfsBaseOf(resume.guestRootfs), box.id);
    const { store, format, path } = base;
    const state = await services.store.boxes.update(box.id, (current) => ({
      ...current,
      nextDisk: { store, format, base: path },
    }));
    const about = { reason: 'restore', parent: box.id, snapshot: snapshot.name } as const;
    const renewedEnv = () => afterRestore(services.hooks, boxInfo(record, box.dir), about);
    return startBox(services, { ...record, state }, box, options, { ...resume, renewedEnv });
  });
}

/** Makes a new box that goes on from a snapshot of another one. @throws BoxliteError as {@link restoreBox} and `makeChildren` */
export async function restoreNewBox(
  services: RuntimeServices,
  request: RestoreRequest,
  made: {
    readonly name: string | undefined;
    readonly detach: boolean;
    readonly autoRemove: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Box> {
  const { record, snapshot } = request;
  return holdingBase(services, snapshot, async () => {
    const { resume, base } = await fittingSnapshot(services, request, { signal: made.signal });
    const { name, ...others } = made;
    const [child] = await makeChildren(services, {
      ...others,
      parent: record,
      names: [name],
      base: { ...base, chain: await baseChain(services, base) },
      resume,
      about: { reason: 'restore', parent: record.config.id, snapshot: snapshot.name },
    });
    if (child === undefined) throw new TypeError('no box was made');
    return child;
  });
}

/** Why nothing can go on from a snapshot here; undefined when a machine can. Reads its memory whole. @throws BoxliteError `aborted`; what is no matter of it */
export async function problemOf(
  services: RuntimeServices,
  request: RestoreRequest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    await fittingSnapshot(services, request, { whole: true, signal });
    return undefined;
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'snapshot_invalid')) return String(thrown.details.problem ?? thrown.message);
    throw thrown;
  }
}

/** Makes sure that a machine here can go on from a snapshot, before anything is changed. */
async function fittingSnapshot(
  services: RuntimeServices,
  request: RestoreRequest,
  look: LookOptions,
): Promise<FittingSnapshot> {
  const { record, box, snapshot } = request;
  const { machine, baseDiskId } = snapshot;
  const base = baseDiskId === undefined ? undefined : await services.store.baseDisks.get(baseDiskId);
  if (machine === undefined || base === undefined) throw unfit(request, 'it holds no memory');
  const files = snapshotFiles(box, snapshot.id);
  const kernel = services.layout.kernel(digestHex(machine.kernel.digest));
  await present(request, base.basePath, 'its disk is gone');
  await present(request, files.memory, 'its memory is gone');
  await present(request, files.state, 'its machine state is gone');
  await present(request, kernel, 'the kernel it was made with is gone');
  await present(request, machine.guestRootfs, 'the disk with the agent it was made with is gone');
  const vmm = await services.vmm(machine.vmmId);
  const key = await machineKey(vmm, { record, box, kernel, guestRootfs: machine.guestRootfs });
  if (key !== machine.key) {
    const why = `the vmm ${machine.vmmId} of this host is not what it was made with`;
    throw unfit(request, why, new Error(`it was made with ${machine.key}, and this is ${key}`));
  }
  try {
    await checkKeptFiles(files, snapshot.files, look);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'snapshot_invalid')) throw thrown;
    throw unfit(request, thrown.message.replace(/^the snapshot cannot be used: /, ''), thrown);
  }
  return {
    resume: {
      origin: 'snapshot',
      files: { memory: files.memory, state: files.state },
      vmmId: machine.vmmId,
      kernel: machine.kernel,
      guestRootfs: machine.guestRootfs,
    },
    base: {
      path: base.basePath,
      format: base.basePath.endsWith('.raw') ? 'raw' : 'qcow2',
      store: containerDiskOf(record.state, box).store,
    },
  };
}

async function present(request: RestoreRequest, path: string, otherwise: string): Promise<void> {
  try {
    await access(path);
  } catch (thrown) {
    throw unfit(request, otherwise, thrown);
  }
}

function unfit({ record: { config }, snapshot: { name } }: RestoreRequest, why: string, cause?: unknown): BoxliteError {
  const box = config.name ?? config.id;
  return new BoxliteError('snapshot_invalid', `nothing can go on from snapshot ${name} of box ${box}: ${why}`, {
    hint: `remove it with \`boxlite snapshot rm ${box} ${name}\` and take another; the box itself can be started as it is`,
    ...(cause === undefined ? {} : { cause }),
    details: { field: 'snapshot', boxId: config.id, snapshot: name, problem: why },
  });
}

/** Runs `action` while nobody collects the disk of a snapshot. */
async function holdingBase<T>(
  { store }: Pick<RuntimeServices, 'store'>,
  { baseDiskId }: SnapshotRecord,
  action: () => Promise<T>,
): Promise<T> {
  if (baseDiskId === undefined) return action();
  const lease = await store.leases.acquire(baseLeaseEntity(baseDiskId), 'start', {
    shared: true,
    waitMs: BASE_LEASE_WAIT_MS,
  });
  try {
    return await action();
  } finally {
    await lease.release();
  }
}

function stillRuns({ config, state }: BoxRecord): BoxliteError {
  const name = config.name ?? config.id;
  return new BoxliteError('invalid_state', `box ${name} is ${state.status}: only a stopped box can be put back`, {
    hint: `stop it first: boxlite stop ${name}; or make another box from the snapshot: boxlite restore --name`,
    details: { field: 'status', status: state.status },
  });
}
