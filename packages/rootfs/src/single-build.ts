import type { LeaseStore } from '@boxlite/core';
import { takeTurn } from '@boxlite/layout';

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

/**
 * Builds what no other process has built. While another one is at it this waits: a conversion that twenty processes want costs one of
 * them. When the other dies, or fails, its turn passes on.
 * @throws BoxliteError `aborted`, and what `build` throws
 */
export async function singleBuild<T>({ leases, entity, signal, find, build }: SingleBuild<T>): Promise<T> {
  if (leases === undefined) return build();
  const turn = await takeTurn(leases, entity, 'build', signal);
  try {
    return (await find()) ?? (await build());
  } finally {
    await turn[Symbol.asyncDispose]();
  }
}
