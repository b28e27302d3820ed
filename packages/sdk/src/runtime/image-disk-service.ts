import { dirname } from 'node:path';
import { BoxliteError, type DiskStore, type ImageSource, type StateStore } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import type { ImageDiskHome } from '@boxlite/rootfs';
import { holdingSource } from '../images/holding-source.js';
import { lazy } from './lazy.js';
import type { Log } from './log.js';
import type { RuntimeServices } from './runtime-services.js';

/** What the image disks of a home are made and collected with. */
export interface ImageDiskParts {
  readonly layout: HomeLayout;
  readonly store: StateStore;
  readonly log: Log;
  readonly disks: () => Promise<DiskStore>;
  readonly sourceOf: (reference: string) => Promise<ImageSource>;
  readonly imageCache: RuntimeServices['imageCache'];
}

/** The cache of image disks over whichever source an image came from. */
export function imageDiskService({
  layout,
  store,
  log,
  disks,
  sourceOf,
  imageCache,
}: ImageDiskParts): Pick<
  RuntimeServices,
  'imageDisk' | 'imageDiskKeys' | 'imageDiskUsage' | 'collectImageDisks' | 'noteDiskUse'
> {
  const rootfs = lazy(() => import('@boxlite/rootfs'));
  const { diskImagesDir, tmpDir, boxesDir, basesDir } = layout;
  const { leases } = store;
  const cache = lazy(async () => (await rootfs()).createImageDiskCache({ diskImagesDir, tmpDir, leases }));
  const home = async (): Promise<ImageDiskHome> => ({
    diskImagesDir,
    boxesDir,
    basesDir,
    leases,
    diskStore: await disks(),
    report: (what, cause) => log({ level: 'warn', message: `image disks: ${what}`, cause }),
  });
  return {
    async imageDisk(image, options = {}) {
      const [imageDisks, origin] = await Promise.all([cache(), sourceOf(image.reference)]);
      await using source = holdingSource(origin, image, imageCache);
      return await imageDisks.ensure({ image, source, ...options });
    },
    imageDiskKeys: async (image) => (await cache()).locateAll(image).map(({ key }) => key),
    imageDiskUsage: async () => (await rootfs()).imageDiskUsage(await home()),
    collectImageDisks: async (policy) => (await rootfs()).collectImageDisks(await home(), policy),
    async noteDiskUse(box) {
      try {
        const base = await (await disks()).backingPath(box.containerDisk);
        // The VMM can write the name: what is no image disk is none of its business.
        if (base !== undefined && dirname(base) === diskImagesDir) await (await rootfs()).touchImageDisk(base);
      } catch (cause) {
        if (BoxliteError.isInstance(cause, 'not_found')) return; // a box that never had a disk
        // The disk looks older than it is, which is no reason to keep a box.
        log({ level: 'debug', message: 'the last use of an image disk could not be noted', boxId: box.id, cause });
      }
    },
  };
}
