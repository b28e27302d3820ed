import type { L2Entry } from '../table-entry.js';

/** How the first clusters of a write are stored. */
export type WritePlan =
  /** Over what is there: clusters of the disk's own, one after another in the file. */
  | { readonly kind: 'in-place'; readonly clusters: number; readonly fileOffset: number }
  /** As before, and what was there is not valid: the clusters are marked as zeros. */
  | { readonly kind: 'reuse'; readonly clusters: number; readonly fileOffset: number }
  /** Into new clusters: there are none, they are shared or compressed. */
  | { readonly kind: 'allocate'; readonly clusters: number };

/**
 * Looks how far one way of writing goes.
 * @param entryAt the L2 entry of the n-th cluster of the write
 * @param most clusters to look at, at least one
 */
export function planWrite(entryAt: (index: number) => L2Entry, most: number, clusterBytes: number): WritePlan {
  const first = entryAt(0);
  const kind = kindOf(first);
  let clusters = 1;
  for (; clusters < most; clusters++) {
    const next = entryAt(clusters);
    if (kindOf(next) !== kind) break;
    if (kind !== 'allocate' && offsetOf(next) !== offsetOf(first) + clusters * clusterBytes) break;
  }
  return kind === 'allocate' ? { kind, clusters } : { kind, clusters, fileOffset: offsetOf(first) };
}

function kindOf(entry: L2Entry): WritePlan['kind'] {
  if (entry.kind !== 'standard' || !entry.copied || entry.offset === 0) return 'allocate';
  return entry.zero ? 'reuse' : 'in-place';
}

function offsetOf(entry: L2Entry): number {
  return entry.kind === 'unallocated' ? 0 : entry.offset;
}
