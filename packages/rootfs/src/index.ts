export { AGENT_PATH, agentLayer } from './agent-layer.js';
export { buildImageDisk, DEFAULT_DISK_BYTES, ext4Converter } from './build-image-disk.js';
export type { ImageDiskLimits } from './cache/choose-image-disks.js';
export { collectImageDisks, type ImageDiskCollection, type ImageDiskPolicy } from './cache/collect-image-disks.js';
export {
  createImageDiskCache,
  type HeldImageDisk,
  type ImageDisk,
  type ImageDiskCache,
  type ImageDiskCacheOptions,
  type ImageDiskPlace,
  type ImageDiskRequest,
} from './cache/image-disk-cache.js';
export { type ImageContent, imageDiskKey } from './cache/image-disk-key.js';
export { imageDiskLeaseEntity } from './cache/image-disk-lease.js';
export { type ImageDiskHome, type ImageDiskUsage, imageDiskUsage, isUnused } from './cache/image-disk-usage.js';
export { touchImageDisk } from './cache/last-use.js';
export { baseLeaseEntity } from './guest/base-lease.js';
export { buildGuestRootfs } from './guest/build-guest-rootfs.js';
export { cleanupGuestRootfs, type Unmounting } from './guest/cleanup-guest-rootfs.js';
export {
  attachedAs,
  createGuestRootfs,
  type GuestRootfs,
  type GuestRootfsInput,
  type GuestRootfsStrategy,
  parseGuestRootfs,
} from './guest/guest-rootfs.js';
export { GuestRootfsManager, type GuestRootfsManagerOptions } from './guest/guest-rootfs-manager.js';
export type { GuestRootfsUsage } from './guest/guest-rootfs-usage.js';
export type { HeldGuestRootfs } from './guest/hold-guest-rootfs.js';
export type { AgentToInject } from './guest/inject-agent.js';
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
export { type SyntheticEntry, tarLayer } from './tar/tar-layer.js';
