import type { BoxRecord } from '@boxlite/core';
import { type BoxLayout, removeTree } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { namesIn } from '../storage/allocated-bytes.js';
import { collectDiskBases } from './collect-disk-bases.js';
import { findSnapshot } from './find-snapshot.js';
import { snapshotFiles } from './snapshot-box.js';

/**
 * Removes a snapshot: its row first, then what it kept. The disk stays as long as a box stands on it. The caller holds the box's lease.
 * @throws BoxliteError `not_found`, `storage_error`
 */
export async function removeSnapshot(
  services: RuntimeServices,
  record: BoxRecord,
  box: BoxLayout,
  name: string,
): Promise<void> {
  const { id } = await findSnapshot(services, record, name);
  await services.store.snapshots.delete(record.config.id, name);
  await removeTree(snapshotFiles(box, id).dir);
  await collectDiskBases(services);
}

/** Removes what snapshots that were never finished, or whose removal was cut short, have left in a box. The caller holds the box's lease. */
export async function sweepSnapshots(
  { store }: Pick<RuntimeServices, 'store'>,
  box: Pick<BoxLayout, 'id' | 'snapshotsDir'>,
): Promise<void> {
  const known = new Set((await store.snapshots.list(box.id)).map(({ id }) => id));
  for (const name of await namesIn(box.snapshotsDir)) {
    if (!known.has(name)) await removeTree(snapshotFiles(box, name).dir);
  }
}
