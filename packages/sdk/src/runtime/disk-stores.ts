import type { DiskStore } from '@boxlite/core';
import type { PluginChooser } from '../registry/plugin-chooser.js';
import { lazy } from './lazy.js';
import type { RuntimeServices } from './runtime-services.js';

/** The store that reads overlays, where new disks are none. */
const OVERLAY_STORE = 'qcow2';

/** The disk stores of a home: what makes new disks may change, what made a disk goes on with it. */
export function diskStores({ choose, toAttach }: PluginChooser): Pick<RuntimeServices, 'disks'> & {
  /** For garbage collection, which follows the overlays of a home whatever new disks are made of. */
  overlays(): Promise<DiskStore>;
} {
  const newest = lazy(() => choose<DiskStore>('disk-store'));
  return {
    // What is unknown here is chosen, so that the error names the plugins there are.
    disks: async (store) =>
      store === undefined
        ? newest()
        : ((await toAttach<DiskStore>('disk-store', store)) ?? choose<DiskStore>('disk-store', store)),
    overlays: lazy(async () => {
      const store = await newest();
      return (store.format ?? 'qcow2') === 'qcow2' ? store : choose<DiskStore>('disk-store', OVERLAY_STORE);
    }),
  };
}
