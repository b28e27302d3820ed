import type { ImageStore } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';

/** The images of one home: their blobs, and the records that name them. */
export interface ImageCache {
  readonly blobs: BlobStore;
  readonly store: ImageStore;
}
