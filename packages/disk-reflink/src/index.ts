export { createReflinkDiskStore, type ReflinkDiskStoreOptions } from './reflink-disk-store.js';
export { type ReflinkDiskStorePluginOptions, reflinkDiskStorePlugin } from './reflink-disk-store-plugin.js';
