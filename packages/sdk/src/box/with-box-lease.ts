import { type BoxId, BoxliteError } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** A start from a cold cache may take minutes (pull and convert), so others wait long for it. */
const LEASE_WAIT_MS = 600_000;

/** What lease entities of boxes begin with. */
export const BOX_LEASE_PREFIX = 'box:';

/** The lease entity of a box's lifecycle. */
export const boxLeaseEntity = (id: BoxId): string => `${BOX_LEASE_PREFIX}${id}`;

/** Runs `action` while no other process starts, stops or removes this box. */
export async function withBoxLease<T>(
  services: Pick<RuntimeServices, 'store'>,
  id: BoxId,
  purpose: 'start' | 'stop' | 'remove' | 'pause' | 'snapshot' | 'fork' | 'restore',
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  const lease = await services.store.leases.acquire(boxLeaseEntity(id), purpose, {
    waitMs: LEASE_WAIT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    return await action();
  } finally {
    await lease.release();
  }
}

/** Runs `action` under the lease of a box, or not at all when somebody is at work on it. */
export async function ifBoxIsIdle(
  services: Pick<RuntimeServices, 'store'>,
  id: BoxId,
  purpose: 'recover' | 'remove',
  action: () => Promise<void>,
): Promise<void> {
  let lease: Awaited<ReturnType<typeof services.store.leases.acquire>>;
  try {
    lease = await services.store.leases.acquire(boxLeaseEntity(id), purpose);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return;
    throw thrown;
  }
  try {
    await action();
  } finally {
    await lease.release();
  }
}
