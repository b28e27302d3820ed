export type { ConformanceCase } from './conformance-case.js';
export { type DiskStoreSetup, diskStoreConformance } from './disk-store-conformance.js';
