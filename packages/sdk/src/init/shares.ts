import type { VmmShare } from '@boxlite/core';
import type { ResolvedBoxOptions } from '../options/box-options.js';

/**
 * The shares of a machine, in the order given.
 *
 * A read-only one is marked as enforced by the host where the jail certainly shows the directory read-only: not with the jail off or dispensable, and
 * not where another share makes the same directory writable.
 */
export function sharesOf(
  shares: readonly Pick<VmmShare, 'tag' | 'hostPath' | 'readOnly'>[],
  { jailer = 'required', jailerEnabled = true }: ResolvedBoxOptions['security'],
): readonly VmmShare[] {
  const isJailed = jailer === 'required' && jailerEnabled;
  const writable = new Set(shares.filter(({ readOnly }) => !readOnly).map(({ hostPath }) => hostPath));
  return shares.map(({ tag, hostPath, readOnly }) => ({
    tag,
    hostPath,
    readOnly,
    ...(readOnly && isJailed && !writable.has(hostPath) ? { hostEnforced: true } : {}),
  }));
}
