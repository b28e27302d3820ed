export { AGENT_PATH, agentLayer } from './agent-layer.js';
export { buildImageDisk, DEFAULT_DISK_BYTES, ext4Converter } from './build-image-disk.js';
export {
  createImageDiskCache,
  type ImageDisk,
  type ImageDiskCache,
  type ImageDiskCacheOptions,
  type ImageDiskRequest,
  imageDiskKey,
} from './cache/image-disk-cache.js';
export { baseLeaseEntity } from './guest/base-lease.js';
export { cleanupGuestRootfs, type Unmount } from './guest/cleanup-guest-rootfs.js';
export {
  attachedAs,
  createGuestRootfs,
  type GuestRootfs,
  type GuestRootfsInput,
  type GuestRootfsStrategy,
  parseGuestRootfs,
} from './guest/guest-rootfs.js';
export {
  GuestRootfsManager,
  type GuestRootfsManagerOptions,
  type HeldGuestRootfs,
} from './guest/guest-rootfs-manager.js';
export { type AgentToInject, buildGuestRootfs } from './guest/inject-agent.js';
export type { ReportFailure } from './guest/rootfs-records.js';
export { GLOBAL_SOURCE, versionKey } from './guest/version-key.js';
export type {
  ConversionOptions,
  ConversionProgress,
  ConvertedDisk,
  ImageConverter,
  LayerStream,
} from './image-converter.js';
export { DEFAULT_LAYER_LIMITS, type LayerLimits } from './layers/layer-limits.js';
export { skeletonLayer } from './skeleton-layer.js';
