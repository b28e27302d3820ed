/**
 * Lease entity of a base disk: shared by starts from lookup until their reference is recorded, exclusive for garbage collection.
 */
export function baseLeaseEntity(id: string): string {
  return `base:${id}`;
}

/**
 * Lease entity of a version of a guest rootfs, whatever disk has it: shared by starts from before they look it up, or build it, until they have leased
 * the disk, exclusive for garbage collection.
 */
export function versionLeaseEntity(key: string): string {
  return `guest-rootfs:${key}`;
}

/** Milliseconds a start waits for a collection that is deciding about the same disk. */
export const BASE_LEASE_WAIT_MS = 5_000;
