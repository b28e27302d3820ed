import { type Digest, type ImageProgress, type Platform, type ResolvedImage, throwIfAborted } from '@boxlite/core';
import { recordImage } from '../cached-image.js';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '../documents/assemble-image.js';
import { hostPlatform } from '../documents/choose-platform.js';
import type { ImageCache } from '../stored/image-cache.js';
import { adoptImage } from './adopt-image.js';
import { findArchivedImages } from './archived-images.js';
import { LayoutDirectory } from './layout-directory.js';
import { describeArchive, openArchive, openArchiveStream } from './open-archive.js';
import { stageArchive } from './stage-archive.js';

export interface LoadImagesOptions {
  /** Of the images to load; default linux and this machine's architecture. */
  readonly platform?: Platform;
  /** Bounds of the archive and of each image; default {@link DEFAULT_IMAGE_LIMITS}. `maxImageBytes` is for the archive, uncompressed. */
  readonly limits?: Partial<ImageLimits>;
  /** Repository for images the archive gives no name, or a tag only. */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** One image of an archive, now in the store. */
export interface LoadedImage {
  /** Under the first of its references. */
  readonly image: ResolvedImage;
  /** What it can be run by; at least one. */
  readonly references: readonly string[];
  /** False when neither the archive nor the caller named it: its reference is made of its digest. */
  readonly named: boolean;
}

/**
 * Takes every image of an archive into the store, under its names there: archives of `docker save` of any age, and OCI archives, plain or compressed with
 * gzip or zstd. All or nothing: no name is written unless every image is whole.
 *
 * @param source the path of an archive, or its bytes, read once
 * @throws BoxliteError `image_not_found`, `image_invalid`, `digest_mismatch`, `platform_mismatch` when nothing is for the platform, `resource_exhausted`,
 *   `unsupported`, `invalid_argument` (field `name`), `disk_full`, `storage_error`, `aborted`
 */
export async function loadImages(
  cache: ImageCache,
  source: string | AsyncIterable<Uint8Array>,
  options: LoadImagesOptions = {},
): Promise<readonly LoadedImage[]> {
  const { platform = hostPlatform(), name, signal, now = Date.now } = options;
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  const tell = (progress: ImageProgress) => options.onProgress?.(progress);
  const what = typeof source === 'string' ? describeArchive(source) : 'the archive';
  throwIfAborted(signal, `loading ${what}`);
  tell({ kind: 'resolve' });
  await using session = cache.blobs.session(`loading ${what}`);
  await using area = await cache.blobs.stage();
  const bytes =
    typeof source === 'string' ? openArchive(source, { signal, tell }) : openArchiveStream(source, { signal, tell });
  const { maxImageBytes, maxLayerBytes } = limits;
  await stageArchive(bytes, what, { directory: area.dir, maxBytes: maxImageBytes, maxLayerBytes, signal });
  const layout = await LayoutDirectory.open(area.dir);
  const loaded = await findArchivedImages(layout, what, { platform, limits, signal, tell, name });
  const adopted = new Set<Digest>();
  for (const { image } of loaded) await adoptImage(session, area.dir, image, adopted);
  throwIfAborted(signal, `loading ${what}`);
  const loadedAt = now();
  for (const { image, references } of loaded) {
    for (const reference of references) {
      await recordImage(cache.store, cache.blobs, { ...image, reference }, () => loadedAt);
    }
  }
  tell({ kind: 'done' });
  return loaded;
}
