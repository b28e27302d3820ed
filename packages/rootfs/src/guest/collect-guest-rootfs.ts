import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BaseDiskId,
  type BaseDiskRecord,
  type BaseDiskStore,
  BoxliteError,
  type DiskStore,
  type Lease,
  type LeaseStore,
  parseBaseDiskId,
} from '@boxlite/core';
import { type FileIdentity, fileIdentity, names, type OverlayOwners, overlayBackings } from '../overlay-backings.js';
import { baseLeaseEntity, versionLeaseEntity } from './base-lease.js';
import type { ReportFailure } from './rootfs-records.js';
import { isKeyOfAgent } from './version-key.js';

/** What a collection looks at. */
export interface GuestRootfsCollection {
  readonly basesDir: string;
  readonly boxesDir: string;
  readonly baseDisks: BaseDiskStore;
  readonly leases: LeaseStore;
  readonly diskStore: Pick<DiskStore, 'backingPath'>;
  /** SHA-256 of the current agent; undefined when it is not known. */
  readonly agentHash: string | undefined;
  readonly report: ReportFailure;
}

/** A disk that may go: its record, or an id without one. */
interface Candidate {
  readonly id: BaseDiskId;
  readonly basePath: string;
  readonly record: BaseDiskRecord | undefined;
}

const DISK_NAME = /^([A-Za-z0-9]{8})\.ext4$/;

/**
 * Deletes the guest rootfs disks that no overlay, reference, lease or the current agent needs, and disks that a crash left without a record.
 * The caller holds the home exclusively. With an unreadable overlay or an unknown agent nothing is deleted.
 * @returns how many were deleted
 */
export async function collectGuestRootfs(collection: GuestRootfsCollection): Promise<number> {
  const { agentHash, basesDir, boxesDir, baseDisks, diskStore, report } = collection;
  if (agentHash === undefined) return 0;
  let backings: ReadonlyMap<FileIdentity, OverlayOwners>;
  try {
    backings = await overlayBackings(boxesDir, basesDir, diskStore);
  } catch (thrown) {
    report('reading the overlays of the boxes, so no guest rootfs is collected', thrown);
    return 0;
  }
  let deleted = 0;
  for (const candidate of await findCandidates(basesDir, baseDisks, agentHash)) {
    try {
      if (await collectOne(candidate, backings, collection)) deleted++;
    } catch (thrown) {
      report(`collecting guest rootfs ${candidate.basePath}`, thrown);
    }
  }
  return deleted;
}

async function findCandidates(basesDir: string, baseDisks: BaseDiskStore, agentHash: string): Promise<Candidate[]> {
  const all = await baseDisks.list();
  const candidates: Candidate[] = all
    // A record without a name cannot be looked up: nobody will ever use it again.
    .filter(({ kind, name }) => kind === 'rootfs' && (name === undefined || !isKeyOfAgent(name, agentHash)))
    .map((record) => ({ id: record.id, basePath: record.basePath, record }));
  const recorded = new Set<string>(all.map(({ id }) => id));
  for (const name of await names(basesDir)) {
    const id = DISK_NAME.exec(name)?.[1];
    if (id === undefined || recorded.has(id)) continue;
    candidates.push({ id: parseBaseDiskId(id), basePath: join(basesDir, name), record: undefined });
  }
  return candidates;
}

async function collectOne(
  { id, basePath, record }: Candidate,
  backings: ReadonlyMap<FileIdentity, OverlayOwners>,
  { baseDisks, leases }: GuestRootfsCollection,
): Promise<boolean> {
  const identity = await fileIdentity(basePath);
  if (identity !== undefined && backings.has(identity)) return false;
  const entities = [baseLeaseEntity(id), ...(record?.name === undefined ? [] : [versionLeaseEntity(record.name)])];
  const taken: Lease[] = [];
  try {
    for (const entity of entities) {
      const lease = await tryLease(leases, entity);
      if (lease === undefined) return false;
      taken.push(lease);
    }
    // Asked under the leases: a start gives its own back only after its reference is recorded.
    if ((await baseDisks.referencedBy(id)).length > 0) return false;
    if (record === undefined && (await baseDisks.get(id)) !== undefined) return false;
    await rm(basePath, { force: true });
    if (record !== undefined) await baseDisks.delete(id);
    return true;
  } finally {
    for (const lease of taken) await lease.release();
  }
}

async function tryLease(leases: LeaseStore, entity: string): Promise<Lease | undefined> {
  try {
    return await leases.acquire(entity, 'gc');
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'lease_held')) return undefined;
    throw thrown;
  }
}
