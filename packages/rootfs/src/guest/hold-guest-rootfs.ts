import { type BaseDiskRecord, type BaseDiskStore, type LeaseStore, parseBoxId } from '@boxlite/core';
import { BASE_LEASE_WAIT_MS, baseLeaseEntity } from './base-lease.js';
import { createGuestRootfs, type GuestRootfs } from './guest-rootfs.js';
import { fileExists } from './rootfs-records.js';

/**
 * A guest rootfs that garbage collection leaves alone until this is released. Record the box's use first, then release.
 */
export interface HeldGuestRootfs extends AsyncDisposable {
  readonly rootfs: GuestRootfs;
  readonly record: BaseDiskRecord;
  /** Commits the reference of a box to this rootfs, in the place of the one an earlier start of the box used. Nothing of the box runs. */
  recordUse(boxId: string): Promise<void>;
  /** Gives the lease back. Idempotent. */
  release(): Promise<void>;
}

/** What holding a disk takes. */
export interface HoldRequest {
  readonly record: BaseDiskRecord;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** Leases a disk; undefined when it has been collected meanwhile. */
export async function holdGuestRootfs(
  { leases, baseDisks }: { readonly leases: LeaseStore; readonly baseDisks: BaseDiskStore },
  { record, env, signal }: HoldRequest,
): Promise<HeldGuestRootfs | undefined> {
  const lease = await leases.acquire(baseLeaseEntity(record.id), 'start', {
    shared: true,
    waitMs: BASE_LEASE_WAIT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    if (!(await fileExists(record.basePath)) || (await baseDisks.get(record.id)) === undefined) {
      await lease.release();
      return undefined;
    }
  } catch (thrown) {
    await lease.release();
    throw thrown;
  }
  const release = () => lease.release();
  return {
    rootfs: createGuestRootfs({
      path: record.basePath,
      strategy: { kind: 'disk', diskPath: record.basePath },
      env,
    }),
    record,
    // A start that a power cut ends leaves nothing that runs from it, and the next one records it again.
    recordUse: (boxId) => baseDisks.addReference(record.id, parseBoxId(boxId), { replaces: 'rootfs', durable: false }),
    release,
    [Symbol.asyncDispose]: release,
  };
}
