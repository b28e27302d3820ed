import type { VmmShare } from '@boxlite/core';

/**
 * The shares of a machine, in the order given.
 *
 * A read-only one is marked as enforced by the host where the jail certainly shows the directory read-only, and not where another share makes the
 * same directory writable.
 * @param jailIsReadOnly see `RuntimeServices.showsReadOnly`
 */
export function sharesOf(
  shares: readonly Pick<VmmShare, 'tag' | 'hostPath' | 'readOnly'>[],
  jailIsReadOnly: boolean,
): readonly VmmShare[] {
  const writable = new Set(shares.filter(({ readOnly }) => !readOnly).map(({ hostPath }) => hostPath));
  return shares.map(({ tag, hostPath, readOnly }) => ({
    tag,
    hostPath,
    readOnly,
    ...(readOnly && jailIsReadOnly && !writable.has(hostPath) ? { hostEnforced: true } : {}),
  }));
}
