import { constants } from 'node:fs';
import { chmod, copyFile, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  type BaseDiskId,
  type BaseDiskRecord,
  type BoxId,
  BoxliteError,
  type DiskLayer,
  type Lease,
  parseBaseDiskId,
  toBoxliteError,
} from '@boxlite/core';
import { createBaseDiskId, installNew, type StagingArea } from '@boxlite/layout';
import type { ContainerDisk } from '../init/container-disk.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes } from '../storage/allocated-bytes.js';
import { baseLeaseEntity } from './collect-disk-bases.js';

/** What a disk is captured for. */
export interface DiskCapture {
  readonly boxId: BoxId;
  readonly disk: ContainerDisk;
  readonly kind: 'snapshot' | 'clone_base';
  /** Where the copy is made before it gets its name. */
  readonly area: StagingArea;
}

/** An immutable copy of a disk, kept from collection until it is released: refer to it first. */
export interface HeldDiskBase {
  readonly id: BaseDiskId;
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly virtualSize: number;
  readonly sizeBytes: number;
  /** Every base disk of the home it stands on, itself first. */
  readonly chain: readonly BaseDiskId[];
  release(): Promise<void>;
}

/**
 * Copies a box's disk to a base while `capture` keeps its machine from writing it. Blocks are shared where the file system can.
 * @param capture calls what it is given while the disk stands still
 * @throws BoxliteError `disk_chain_invalid` for a disk that names another base than it was made over; `disk_full`, `storage_error`; what `capture` throws
 */
export async function captureDisk(
  services: Pick<RuntimeServices, 'layout' | 'store' | 'disks'>,
  { boxId, disk, kind, area }: DiskCapture,
  capture: (copy: () => Promise<void>) => Promise<void>,
): Promise<HeldDiskBase> {
  const { layout, store } = services;
  const id = createBaseDiskId();
  const path = layout.baseDisk(id, disk.format);
  const staged = area.path(`disk.${disk.format}`);
  await capture(() => copyDiskFile(disk.path, staged));
  const layers = await (await services.disks(disk.store)).chain(staged, disk.format);
  checkBacking(boxId, disk, layers);
  const sizeBytes = await allocatedBytes(staged);
  const virtualSize = layers[0]?.virtualSize ?? 0;
  const lease = await store.leases.acquire(baseLeaseEntity(id), kind);
  const record: BaseDiskRecord = {
    ...{ id, sourceBoxId: boxId, kind, basePath: path, containerDiskBytes: virtualSize, sizeBytes },
    createdAt: Math.floor(Date.now() / 1000),
  };
  try {
    // The record first: a file without one is nobody's.
    await store.baseDisks.insert(record);
    await installNew(staged, path);
  } catch (thrown) {
    await dropBase(services, id, path);
    await lease.release();
    throw thrown;
  }
  const chain = [id, ...layers.slice(1).flatMap((layer) => baseDiskIn(layout.basesDir, layer.path))];
  return {
    id,
    path,
    format: disk.format,
    virtualSize,
    sizeBytes,
    chain,
    release: () => releaseBase(services, id, path, lease),
  };
}

/** Every base disk below one, itself first. */
export async function baseChain(
  { layout, disks }: Pick<RuntimeServices, 'layout' | 'disks'>,
  base: { readonly path: string; readonly format: 'raw' | 'qcow2'; readonly store: string },
): Promise<readonly BaseDiskId[]> {
  const layers = await (await disks(base.store)).chain(base.path, base.format);
  return layers.flatMap(({ path }) => baseDiskIn(layout.basesDir, path));
}

async function copyDiskFile(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(to, 0o600);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot copy the disk ${from}`);
  }
}

/** The VMM can write its disk, header and all: what it names there would be given to every box that goes on from the copy. */
function checkBacking(boxId: BoxId, { base }: ContainerDisk, [, below]: readonly DiskLayer[]): void {
  if (base === undefined || below?.path === base) return;
  throw new BoxliteError(
    'disk_chain_invalid',
    `the disk of box ${boxId} stands on ${below?.path ?? 'nothing'}, not on ${base}`,
    {
      hint: 'BoxLite never writes such a name: look at the box with care, its VMM may have been taken over',
      details: { boxId, path: below?.path, base },
    },
  );
}

function baseDiskIn(basesDir: string, path: string): readonly BaseDiskId[] {
  return dirname(path) === basesDir ? [parseBaseDiskId(basename(path).replace(/\..*$/, ''))] : [];
}

/** One that nobody has come to refer to goes at once. */
async function releaseBase(
  services: Pick<RuntimeServices, 'store'>,
  id: BaseDiskId,
  path: string,
  lease: Lease,
): Promise<void> {
  try {
    await dropBase(services, id, path);
  } finally {
    await lease.release();
  }
}

/** Removes a base that nothing refers to. The caller holds its lease. */
async function dropBase({ store }: Pick<RuntimeServices, 'store'>, id: BaseDiskId, path: string): Promise<void> {
  try {
    await store.baseDisks.delete(id);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'invalid_state')) return; // somebody refers to it
    throw thrown;
  }
  await rm(path, { force: true });
}
