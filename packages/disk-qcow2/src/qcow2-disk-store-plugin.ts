import type { DiskStore, Plugin } from '@boxlite/core';
import { createQcow2DiskStore, type Qcow2DiskStoreOptions } from './qcow2-disk-store.js';

/**
 * The plugin of {@link createQcow2DiskStore}. It needs nothing of the host, so its probe always succeeds.
 * @param options for the store it creates
 */
export function qcow2DiskStorePlugin(options: Qcow2DiskStoreOptions = {}): Plugin<'disk-store', DiskStore> {
  return {
    kind: 'disk-store',
    id: 'qcow2',
    specificationVersion: 'v1',
    probe: async () => ({ available: true, detail: 'qcow2 version 3, in process' }),
    create: () => createQcow2DiskStore(options),
  };
}
