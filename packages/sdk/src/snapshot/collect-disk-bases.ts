import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BaseDiskId, BoxliteError, type Lease, parseBaseDiskId } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { namesIn } from '../storage/allocated-bytes.js';

/** As package rootfs has it for the bases it makes: held by whoever is about to refer to one. */
export const baseLeaseEntity = (id: string): string => `base:${id}`;

/** Guest rootfs disks end in `.ext4`, and package rootfs collects them. */
const BASE_NAME = /^([A-Za-z0-9]{8})\.(qcow2|raw)$/;

/**
 * Removes the disks of snapshots and forks that no snapshot and no box refers to any more, and files of such names without a record.
 * @returns their ids
 */
export async function collectDiskBases(
  services: Pick<RuntimeServices, 'layout' | 'store'>,
): Promise<readonly BaseDiskId[]> {
  const { baseDisks } = services.store;
  const removed: BaseDiskId[] = [];
  const records = [...(await baseDisks.list('snapshot')), ...(await baseDisks.list('clone_base'))];
  for (const { id, basePath } of records) {
    if ((await baseDisks.referencedBy(id)).length > 0) continue;
    if (await ifFree(services, id, () => removeRecorded(services, id, basePath))) removed.push(id);
  }
  const known = new Set<string>(records.map(({ id }) => id));
  for (const name of await namesIn(services.layout.basesDir)) {
    const text = BASE_NAME.exec(name)?.[1];
    if (text === undefined || known.has(text)) continue;
    const id = parseBaseDiskId(text);
    if (await ifFree(services, id, () => removeUnrecorded(services, id, name))) removed.push(id);
  }
  return removed;
}

async function removeRecorded(
  { store }: Pick<RuntimeServices, 'store'>,
  id: BaseDiskId,
  path: string,
): Promise<boolean> {
  try {
    await store.baseDisks.delete(id);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'invalid_state')) return false; // a snapshot, or a box that has just come
    throw thrown;
  }
  await rm(path, { force: true });
  return true;
}

async function removeUnrecorded(
  { store, layout }: Pick<RuntimeServices, 'store' | 'layout'>,
  id: BaseDiskId,
  name: string,
): Promise<boolean> {
  if ((await store.baseDisks.get(id)) !== undefined) return false;
  await rm(join(layout.basesDir, name), { force: true });
  return true;
}

async function ifFree(
  { store }: Pick<RuntimeServices, 'store'>,
  id: BaseDiskId,
  action: () => Promise<boolean>,
): Promise<boolean> {
  let lease: Lease;
  try {
    lease = await store.leases.acquire(baseLeaseEntity(id), 'gc');
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return false;
    throw thrown;
  }
  try {
    return await action();
  } finally {
    await lease.release();
  }
}
