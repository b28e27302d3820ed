import { readdir } from 'node:fs/promises';
import { BoxliteError, type Lease } from '@boxlite/core';
import type { RuntimeServices } from '../runtime-services.js';

/**
 * Collects guest rootfs disks nobody needs (spec section 3), under the exclusive home lease. Whether there can be any is found out first,
 * from the directory and the references, because the collection itself loads three packages and reads every box's overlay.
 */
export async function collectBases(services: RuntimeServices): Promise<void> {
  if (!(await mayHaveGarbage(services))) return;
  let lease: Lease;
  try {
    lease = await services.store.leases.acquire('home', 'gc');
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return; // The next one to open this home does it.
    throw thrown;
  }
  try {
    const count = await services.collectGuestRootfs(lease);
    if (count > 0) services.log({ level: 'info', message: `removed ${count} guest rootfs disks nobody needs` });
  } finally {
    await lease.release();
  }
}

/** A file without a record, or a disk that no box refers to beside others: one alone is that of the current agent, or soon the older of two. */
async function mayHaveGarbage({ layout, store }: RuntimeServices): Promise<boolean> {
  const files = (await readdir(layout.basesDir)).filter((name) => name.endsWith('.ext4'));
  const records = await store.baseDisks.list('rootfs');
  const recorded = new Set<string>(records.map(({ id }) => `${id}.ext4`));
  if (files.some((name) => !recorded.has(name))) return true;
  if (records.length < 2) return false;
  const references = await Promise.all(records.map(({ id }) => store.baseDisks.referencedBy(id)));
  return references.some((boxes) => boxes.length === 0);
}
