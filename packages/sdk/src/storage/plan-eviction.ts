import type { CacheOptions } from '../options/cache-options.js';
import { planRemoval, type RemovalPlan, totalBytes } from './plan-prune.js';
import type { ImageDiskState, ImageState, StorageSnapshot } from './storage-snapshot.js';

const MS_PER_DAY = 86_400_000;
/** What was used this recently is about to be used: a pull is followed by a start. */
export const EVICTION_GRACE_MS = 300_000;

/** Something that may be evicted; what goes with it depends on what else goes. */
type Candidate = { readonly lastUsedAt: number } & ({ readonly disk: ImageDiskState } | { readonly image: ImageState });

/**
 * What the bounds of a cache have go: what was not used for too long, then what was used least recently until the rest fits. Of an image and its
 * disk the disk goes first, since it can be made again without a network. Nothing that a box or a process needs, nor what was used a moment ago.
 * @param now milliseconds since the epoch
 */
export function planEviction(snapshot: StorageSnapshot, limits: CacheOptions, now: number): RemovalPlan {
  const { maxBytes = Number.POSITIVE_INFINITY, maxAgeDays = Number.POSITIVE_INFINITY } = limits;
  const oldest = now - maxAgeDays * MS_PER_DAY;
  const isIdle = ({ lastUsedAt }: { readonly lastUsedAt: number }) => lastUsedAt < now - EVICTION_GRACE_MS;
  const candidates = candidatesOf(snapshot).filter(isIdle);
  const total = totalBytes(snapshot.blobs) + totalBytes(snapshot.imageDisks);
  const going: Candidate[] = candidates.filter(({ lastUsedAt }) => lastUsedAt < oldest);
  let plan = planOf(snapshot, going, isIdle);
  for (const candidate of candidates.slice(going.length)) {
    if (total - totalBytes(plan.blobs) - totalBytes(plan.imageDisks) <= maxBytes) break;
    going.push(candidate);
    plan = planOf(snapshot, going, isIdle);
  }
  return plan;
}

/** Least recently used first. */
function candidatesOf({ images, imageDisks }: StorageSnapshot): readonly Candidate[] {
  const disks = imageDisks
    .filter(({ users }) => users.length === 0)
    .map((disk): Candidate => ({ lastUsedAt: disk.lastUsedAt, disk }));
  const unused = images
    .filter(({ boxes }) => boxes.length === 0)
    .map((image): Candidate => ({ lastUsedAt: image.lastUsedAt, image }));
  // The sort is stable: a disk stands before an image of the same time.
  return [...disks, ...unused].sort((a, b) => a.lastUsedAt - b.lastUsedAt);
}

function planOf(
  snapshot: StorageSnapshot,
  going: readonly Candidate[],
  isIdle: (disk: ImageDiskState) => boolean,
): RemovalPlan {
  const images = going.flatMap((candidate) => ('image' in candidate ? [candidate.image] : []));
  const disks = going.flatMap((candidate) => ('disk' in candidate ? [candidate.disk] : []));
  const plan = planRemoval(snapshot, images, isIdle);
  return { ...plan, imageDisks: [...new Set([...disks, ...plan.imageDisks])] };
}
