export { DEFAULT_IMAGE_LIMITS, type ImageLimits } from './documents/assemble-image.js';
export { hostPlatform } from './documents/choose-platform.js';
export { type WriteOciLayoutOptions, writeOciLayout } from './layout-writer/write-oci-layout.js';
export { createLocalImageSource, type LocalImageSourceOptions } from './local/create-local-image-source.js';
export { formatImageReference, type ImageReference, parseImageReference } from './reference/image-reference.js';
export {
  formatLocalReference,
  isLocalReference,
  type LocalReference,
  parseLocalReference,
} from './reference/local-reference.js';
