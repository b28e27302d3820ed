export type { DiskHandle } from './disk-handle.js';
export {
  CLUSTER_BYTES,
  MAX_BACKING_NAME_BYTES,
  MAX_CHAIN_DEPTH,
  MAX_VIRTUAL_BYTES,
} from './limits.js';
export { type OpenDiskOptions, openDisk } from './open-disk.js';
export { createQcow2DiskStore, type Qcow2DiskStoreOptions } from './qcow2-disk-store.js';
export { qcow2DiskStorePlugin } from './qcow2-disk-store-plugin.js';
