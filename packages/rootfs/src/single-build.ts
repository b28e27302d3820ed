import type { LeaseStore } from '@boxlite/core';

/** What several processes may want to build at once. */
export interface SingleBuild<T> {
  /** Without it only this process is known. */
  readonly leases: LeaseStore | undefined;
  /** Exclusive while somebody builds. */
  readonly entity: string;
  readonly signal: AbortSignal;
  /** Asked once nobody else is building: what another process has built meanwhile. */
  readonly find: () => Promise<T | undefined>;
  readonly build: () => Promise<T>;
}

/** The longest conversion anybody should wait for, milliseconds; one that died is noticed at once. */
const BUILD_WAIT_MS = 3_600_000;

/**
 * Builds what no other process has built. While another one is at it this waits: a conversion that twenty processes want costs one of
 * them. When the other dies, or fails, its turn passes on.
 * @throws BoxliteError `lease_held` after an hour, `aborted`, and what `build` throws
 */
export async function singleBuild<T>({ leases, entity, signal, find, build }: SingleBuild<T>): Promise<T> {
  if (leases === undefined) return build();
  const lease = await leases.acquire(entity, 'build', { waitMs: BUILD_WAIT_MS, signal });
  try {
    return (await find()) ?? (await build());
  } finally {
    await lease.release();
  }
}
