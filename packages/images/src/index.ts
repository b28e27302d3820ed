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
