import { BoxliteError, type Lease } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { imageDiskIdentity } from '../template/template-image.js';
import type { RemovalPlan } from './plan-prune.js';

/** What was really removed, and what it freed. */
export interface Removed {
  readonly images: readonly string[];
  readonly blobs: Counted;
  readonly imageDisks: Counted;
}

/** How many, and their bytes on disk. */
export interface Counted {
  readonly count: number;
  readonly bytes: number;
}

/** How a plan is carried out. */
export interface RemovalOptions {
  /** The exclusive lease of the home, when the caller has it; else it is taken for the disks. */
  readonly homeLease?: Lease;
  /** Milliseconds since the epoch: blobs stored later stay. */
  readonly olderThan?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Carries a plan out: names first, then the blobs that no name needs any more, then disks. Blobs and disks are asked about again under their
 * leases, so that what somebody has begun to use since the plan was made stays.
 * @throws BoxliteError `storage_error`, `aborted`; what was removed until then is gone
 */
export async function removePlanned(
  services: RuntimeServices,
  plan: RemovalPlan,
  { homeLease, olderThan, signal }: RemovalOptions = {},
): Promise<Removed> {
  const [{ removeImage, collectBlobs }, cache] = await Promise.all([import('@boxlite/images'), services.imageCache()]);
  const images: string[] = [];
  for (const { reference } of plan.images) {
    signal?.throwIfAborted();
    if (await removeImage(cache, reference)) images.push(reference);
  }
  const blobs = await collectBlobs(cache, {
    ...(olderThan === undefined ? {} : { olderThan }),
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const imageDisks = await removeDisks(services, plan, homeLease);
  if (imageDisks.count > 0) await removeTemplatesOfNoDisk(services);
  return { images, blobs: { count: blobs.removed.length, bytes: blobs.freedBytes }, imageDisks };
}

/** A template of an image goes with the disk it stands on. One that somebody is starting from right now is left to the next prune. */
async function removeTemplatesOfNoDisk({ templates }: RuntimeServices): Promise<void> {
  for (const { key, record } of await templates.store.list()) {
    if (record?.image === undefined || imageDiskIdentity(record.image.base) === record.image.identity) continue;
    try {
      await templates.store.remove(key);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    }
  }
}

async function removeDisks(
  { collectImageDisks, log }: RuntimeServices,
  plan: RemovalPlan,
  homeLease: Lease | undefined,
): Promise<Counted> {
  const keys = new Set(plan.imageDisks.map(({ key }) => key));
  if (keys.size === 0) return { count: 0, bytes: 0 };
  try {
    const { removed, freedBytes } = await collectImageDisks({
      all: true,
      mayGo: ({ key }) => keys.has(key),
      ...(homeLease === undefined ? {} : { homeLease }),
    });
    return { count: removed.length, bytes: freedBytes };
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    // Another process is collecting; the next prune, or the next look at the cache's bounds, takes them.
    log({ level: 'info', message: 'image disks are left for later: another process is collecting', cause: thrown });
    return { count: 0, bytes: 0 };
  }
}
