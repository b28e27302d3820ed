import type { BoxId } from '@boxlite/core';
import { ifBoxIsIdle } from '../box/with-box-lease.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { namesIn } from '../storage/allocated-bytes.js';
import { sweepSnapshots } from './remove-snapshot.js';

/** Removes what snapshots of a box that were never finished, or whose removal was cut short, have left, unless somebody is at work on the box. */
export async function recoverSnapshots(services: RuntimeServices, id: BoxId): Promise<void> {
  const box = services.layout.box(id);
  if ((await namesIn(box.snapshotsDir)).length === 0) return;
  await ifBoxIsIdle(services, id, 'recover', () => sweepSnapshots(services, box));
}
