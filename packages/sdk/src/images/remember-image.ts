import type { ImageRecord, ImageStore, ResolvedImage } from '@boxlite/core';

/** A use within this many milliseconds of the last one is not written down: starts come in series. */
const USE_GRAIN_MS = 3_600_000;

/**
 * Writes down that an image is in this home and was used. Sources that keep blobs record what they have; images that are read in place, and
 * those of other people's sources, are recorded here, so that every image a box was made from can be listed and removed.
 */
export async function rememberImage(store: ImageStore, image: ResolvedImage, now: number): Promise<void> {
  const known = await store.get(image.reference);
  if (known?.manifestDigest === image.manifestDigest) {
    if (now - lastUse(known) > USE_GRAIN_MS) await store.touch?.(image.reference, now);
    return;
  }
  await store.put({
    reference: image.reference,
    manifestDigest: image.manifestDigest,
    configDigest: image.configDigest,
    layers: image.layers.map(({ digest }) => digest),
    diffIds: image.layers.map(({ diffId }) => diffId),
    sizeBytes: image.layers.reduce((sum, { size }) => sum + size, 0),
    cachedAt: now,
    complete: true,
    lastUsedAt: now,
  });
}

/** When an image was last asked for, in milliseconds since the epoch. */
export function lastUse({ cachedAt, lastUsedAt = 0 }: ImageRecord): number {
  return Math.max(cachedAt, lastUsedAt);
}
