export type { SavedImage } from './archive-writer/archive-plan.js';
export { type ImageArchiveOptions, imageArchive } from './archive-writer/image-archive.js';
export { saveImages } from './archive-writer/save-images.js';
export { BlobSession } from './blobs/blob-session.js';
export {
  type BlobDirectories,
  type BlobKind,
  BlobStore,
  type BlobStoreOptions,
  type ExpectedBlob,
  type FillBlob,
} from './blobs/blob-store.js';
export type { BlobSink } from './blobs/staged-blob.js';
export { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './documents/assemble-image.js';
export { hostPlatform } from './documents/choose-platform.js';
export { type WriteOciLayoutOptions, writeOciLayout } from './layout-writer/write-oci-layout.js';
export { createLocalImageSource, type LocalImageSourceOptions } from './local/create-local-image-source.js';
export { type LoadedImage, type LoadImagesOptions, loadImages } from './local/load-images.js';
export {
  formatImageReference,
  type ImageReference,
  parseImageReference,
  type ReferenceRule,
} from './reference/image-reference.js';
export {
  formatLocalReference,
  isLocalReference,
  type LocalReference,
  parseLocalReference,
} from './reference/local-reference.js';
export {
  createRegistryImageSource,
  type RegistryImageSource,
  type RegistryImageSourceOptions,
} from './registry/create-registry-image-source.js';
export { DEFAULT_HTTP_TIMEOUTS, type HttpTimeouts } from './registry/http-client.js';
export type { RegistrySettings } from './registry/registry-settings.js';
export { type CollectBlobsOptions, type CollectedBlobs, collectBlobs } from './stored/collect-blobs.js';
export { type FindImageOptions, findImage } from './stored/find-image.js';
export { holdImage } from './stored/hold-image.js';
export type { ImageCache } from './stored/image-cache.js';
export { type HistoryEntry, type ImageDetails, inspectImage } from './stored/inspect-image.js';
export { type ImageSize, listImages, type StoredImage } from './stored/list-images.js';
export { type BlobTotal, type BlobUsage, measureBlobs } from './stored/measure-blobs.js';
export { removeImage } from './stored/remove-image.js';
export type { StoredBlob } from './stored/stored-blobs.js';
