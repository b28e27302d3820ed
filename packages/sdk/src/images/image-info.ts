import type { Digest, ImageConfig, ImageLayer, ImageRecord, Platform } from '@boxlite/core';

/** An image of a home. */
export interface ImageInfo extends ImageRecord {
  /** Of `sizeBytes`, the compressed size: bytes on disk that go with this image and no other. 0 for one that is read in place. */
  readonly uniqueBytes: number;
  /** Bytes on disk that other images need too. */
  readonly sharedBytes: number;
  /** Milliseconds since the epoch: of the last pull, load, or box made from it, to the hour. */
  readonly lastUsedAt: number;
  /** Blobs that are not in this home: all of them for an image that is read in place, else what the next pull fetches. */
  readonly missing: readonly Digest[];
  /** Names, else ids, of the boxes made from it. */
  readonly boxes: readonly string[];
}

/** Everything about one image. */
export interface ImageDetails {
  readonly reference: string;
  /** All names of the same image in this home. */
  readonly references: readonly string[];
  readonly manifestDigest: Digest;
  readonly configDigest: Digest;
  readonly platform: Platform;
  /** As the image says, RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly ImageLayer[];
  readonly history: readonly {
    readonly created?: string;
    readonly createdBy?: string;
    readonly comment?: string;
    readonly emptyLayer: boolean;
  }[];
  /** Compressed. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly cachedAt: number;
  readonly lastUsedAt: number;
  readonly boxes: readonly string[];
}

/** What removing an image has freed. */
export interface RemovedImage {
  /** The names that are gone: several when an image was named by its id, and forced. */
  readonly references: readonly string[];
  readonly manifestDigest: Digest;
  /** Blobs and image disks that no other image or box needs. */
  readonly blobs: number;
  readonly imageDisks: number;
  readonly freedBytes: number;
}
