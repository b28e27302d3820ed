import type { ImageSource } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import { lazy } from './lazy.js';
import type { RuntimeServices } from './runtime-services.js';

/** The cache of image disks over whichever source an image came from. */
export function imageDiskService(
  layout: HomeLayout,
  sourceOf: (reference: string) => Promise<ImageSource>,
): RuntimeServices['imageDisk'] {
  const cache = lazy(async () => {
    const { createImageDiskCache } = await import('@boxlite/rootfs');
    return createImageDiskCache({ diskImagesDir: layout.diskImagesDir, tmpDir: layout.tmpDir });
  });
  return async (image, sizeBytes, signal) => {
    const [disks, source] = await Promise.all([cache(), sourceOf(image.reference)]);
    return (await disks.ensure({ image, source, sizeBytes, signal })).path;
  };
}
