import {
  BoxliteError,
  type Digest,
  type ImageRecord,
  type ImageStore,
  type Platform,
  type ResolvedImage,
} from '@boxlite/core';
import type { BlobStore } from './blobs/blob-store.js';
import { assembleImage } from './documents/assemble-image.js';
import type { IndexEntry } from './documents/image-documents.js';
import { platformRank } from './documents/platform-variants.js';
import { resolveManifest } from './documents/resolve-manifest.js';

/**
 * Rebuilds a resolved image from the blob store alone. Documents are hashed again, layers checked by size.
 * @param digest of the manifest, or of an index
 * @returns undefined when anything is missing or damaged, or when there is nothing for the platform
 */
export async function loadCachedImage(
  blobs: BlobStore,
  reference: string,
  digest: Digest,
  platform: Platform,
): Promise<ResolvedImage | undefined> {
  const load = async (entry: Pick<IndexEntry, 'digest'>) => {
    const bytes = await blobs.readDocument('manifests', entry.digest);
    if (bytes === undefined) throw new BoxliteError('not_found', `manifest ${entry.digest} is not in the cache`);
    return { digest: entry.digest, bytes };
  };
  try {
    const chosen = await resolveManifest(await load({ digest }), platform, load, reference);
    const configBytes = await blobs.readDocument('configs', chosen.manifest.config.digest);
    if (configBytes === undefined) return undefined;
    const { manifest } = chosen;
    const image = assembleImage({ reference, manifestDigest: chosen.digest, manifest, configBytes, platform });
    if (!runsOn(image.platform, platform)) return undefined;
    for (const layer of image.layers) {
      if (!(await blobs.has('layers', layer))) return undefined;
    }
    return image;
  } catch (thrown) {
    // Whatever is wrong with the cache, fetching the image again mends it or says better what is wrong.
    const curable = ['not_found', 'image_invalid', 'platform_mismatch'] as const;
    if (curable.some((code) => BoxliteError.isInstance(thrown, code))) return undefined;
    throw thrown;
  }
}

/** False when a variant was asked for that the image says not to be for: a record does not tell for which one it was pulled. */
function runsOn(image: Platform, wanted: Platform): boolean {
  if (image.variant === undefined || wanted.variant === undefined) return true;
  return platformRank(image, wanted) !== undefined;
}

/** Writes down that an image is here, whole. Does nothing without a store. */
export async function recordImage(
  store: ImageStore | undefined,
  blobs: BlobStore,
  image: ResolvedImage,
  now: () => number,
): Promise<void> {
  if (store === undefined) return;
  const layerBytes = image.layers.reduce((sum, layer) => sum + layer.size, 0);
  const documents = await Promise.all([
    blobs.readDocument('manifests', image.manifestDigest),
    blobs.readDocument('configs', image.configDigest),
  ]);
  const record: ImageRecord = {
    reference: image.reference,
    manifestDigest: image.manifestDigest,
    configDigest: image.configDigest,
    layers: image.layers.map((layer) => layer.digest),
    sizeBytes: documents.reduce((sum, bytes) => sum + (bytes?.byteLength ?? 0), layerBytes),
    cachedAt: now(),
    complete: true,
  };
  await store.put(record);
}
