import type { ImageCache } from './image-cache.js';
import { listBlobs, type StoredBlob } from './stored-blobs.js';

export interface BlobTotal {
  readonly count: number;
  /** Allocated on disk. */
  readonly bytes: number;
}

/** What the blobs of images take. */
export interface BlobUsage {
  readonly total: BlobTotal;
  readonly referenced: BlobTotal;
  /** What {@link collectBlobs} would free, but for what is in use. */
  readonly unreferenced: BlobTotal;
  readonly blobs: readonly StoredBlob[];
}

/** How much space blobs take, and how much of it for nothing. @throws BoxliteError `storage_error`, `database_error` */
export async function measureBlobs(cache: ImageCache): Promise<BlobUsage> {
  const blobs = await listBlobs(cache);
  const referenced = blobs.filter(({ referencedBy }) => referencedBy.length > 0);
  const unreferenced = blobs.filter(({ referencedBy }) => referencedBy.length === 0);
  return { total: sum(blobs), referenced: sum(referenced), unreferenced: sum(unreferenced), blobs };
}

function sum(blobs: readonly StoredBlob[]): BlobTotal {
  return { count: blobs.length, bytes: blobs.reduce((total, { bytes }) => total + bytes, 0) };
}
