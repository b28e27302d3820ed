import type { ImageRecord, ImageStore, ResolvedImage } from '@boxlite/core';

/** A use within this many milliseconds of the last one is not written down: starts come in series. */
const USE_GRAIN_MS = 3_600_000;

/**
 * Writes down that an image is in this home and was used, so that every image a box was made from can be listed and removed.
 * @param recordedBySource whether its source keeps the record itself; another process may meanwhile have pulled the tag anew or removed the
 *   image, and what it has recorded then stands
 */
export async function rememberImage(
  store: ImageStore,
  image: ResolvedImage,
  now: number,
  { recordedBySource = false }: { readonly recordedBySource?: boolean } = {},
): Promise<void> {
  const known = await store.get(image.reference);
  if (known?.manifestDigest === image.manifestDigest) {
    if (now - lastUse(known) > USE_GRAIN_MS) await store.touch?.(image.reference, now);
    return;
  }
  if (recordedBySource) return;
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
