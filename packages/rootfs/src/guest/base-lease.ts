/**
 * Lease entity of a base disk: shared by starts from lookup until their reference is recorded, exclusive for garbage collection.
 */
export function baseLeaseEntity(id: string): string {
  return `base:${id}`;
}
