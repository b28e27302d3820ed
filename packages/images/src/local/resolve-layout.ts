import { type ImageProgress, type Platform, type ResolvedImage, throwIfAborted } from '@boxlite/core';
import { assembleImage, checkManifest, type ImageLimits } from '../documents/assemble-image.js';
import type { IndexEntry } from '../documents/image-documents.js';
import { resolveEntries } from '../documents/resolve-manifest.js';
import { formatLocalReference, type LocalReference } from '../reference/local-reference.js';
import { LayoutDirectory } from './layout-directory.js';
import { selectEntries } from './layout-documents.js';

export interface ResolveLayoutOptions {
  readonly platform: Platform;
  readonly limits: ImageLimits;
  readonly signal?: AbortSignal | undefined;
  readonly tell: (progress: ImageProgress) => void;
}

/**
 * Finds an image in a layout directory, and checks every document by its digest and every layer by its size.
 * @param directory where the layout is; for an archive not where the reference points
 * @throws BoxliteError `image_not_found`, `image_invalid`, `platform_mismatch`, `digest_mismatch`, `resource_exhausted`, `aborted`
 */
export async function resolveLayout(
  directory: string,
  reference: LocalReference,
  options: ResolveLayoutOptions,
): Promise<ResolvedImage> {
  const layout = await LayoutDirectory.open(directory);
  const entries = selectEntries(await layout.readIndex(), reference);
  return resolveLayoutImage(layout, entries, formatLocalReference(reference), options);
}

/**
 * As {@link resolveLayout}, when the entries of `index.json` are known.
 * @param name of the image
 */
export async function resolveLayoutImage(
  layout: LayoutDirectory,
  entries: readonly IndexEntry[],
  name: string,
  { platform, limits, signal, tell }: ResolveLayoutOptions,
): Promise<ResolvedImage> {
  const load = async (entry: IndexEntry) => {
    throwIfAborted(signal, `reading ${name}`);
    const bytes = await layout.readDocument(entry.digest, entry.size);
    return { digest: entry.digest, bytes, mediaType: entry.mediaType };
  };
  const { digest, manifest } = await resolveEntries(entries, platform, load, name);
  checkManifest(manifest, name, limits);
  const configBytes = await layout.readDocument(manifest.config.digest, manifest.config.size);
  const image = assembleImage({ reference: name, manifestDigest: digest, manifest, configBytes, platform });
  for (const layer of image.layers) {
    throwIfAborted(signal, `reading ${name}`);
    await layout.checkBlob(layer.digest, layer.size);
    tell({ kind: 'verify', digest: layer.digest, bytes: layer.size, totalBytes: layer.size });
  }
  return image;
}
