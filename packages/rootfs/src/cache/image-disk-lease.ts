/**
 * Lease entity of an image disk: shared by starts from before they look until their box's overlay stands on it, exclusive for garbage
 * collection.
 */
export function imageDiskLeaseEntity(key: string): string {
  return `image-disk:${key}`;
}

/** Milliseconds a start waits for a collection that is deciding about its disk; removing large files takes a while. */
export const IMAGE_DISK_LEASE_WAIT_MS = 60_000;
