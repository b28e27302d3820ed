import { stat } from 'node:fs/promises';
import { type Digest, errnoOf, type ImageStore, type ResolvedImage, toBoxliteError } from '@boxlite/core';
import type { BlobStore } from '../blobs/blob-store.js';
import { loadCachedImage, recordImage } from '../cached-image.js';
import { formatLocalReference, type LocalReference } from '../reference/local-reference.js';
import { adoptImage } from './adopt-image.js';
import { describeArchive, openArchive } from './open-archive.js';
import { type ResolveLayoutOptions, resolveLayout } from './resolve-layout.js';
import { stageArchive } from './stage-archive.js';

/** A file changed this recently before it was imported may have changed again within the clock's grain. */
const CLOCK_GRAIN_MS = 2000;

export interface ImportArchiveOptions extends ResolveLayoutOptions {
  readonly blobs: BlobStore;
  readonly store?: ImageStore | undefined;
  readonly now: () => number;
  /** Import again although the archive has not changed since the last time. */
  readonly always: boolean;
}

/**
 * Copies an image of an archive into the blob store. An archive that has not changed since its last import, by its row in the image
 * store, is not read again.
 * @throws BoxliteError as {@link stageArchive} and {@link resolveLayout}; nothing is left behind
 */
export async function importArchive(reference: LocalReference, options: ImportArchiveOptions): Promise<ResolvedImage> {
  const { blobs, store, limits, platform, signal, now } = options;
  const known = options.always ? undefined : await unchangedImport(reference, options);
  if (known !== undefined) {
    const cached = await loadCachedImage(blobs, formatLocalReference(reference), known, platform);
    if (cached !== undefined) return cached;
  }
  const startedAt = now();
  await using session = blobs.session(`importing ${formatLocalReference(reference)}`);
  await using area = await blobs.stage();
  const { maxImageBytes, maxLayerBytes } = limits;
  const staging = { directory: area.dir, maxBytes: maxImageBytes, maxLayerBytes, signal };
  await stageArchive(openArchive(reference.path, options), describeArchive(reference.path), staging);
  const image = await resolveLayout(area.dir, reference, options);
  await adoptImage(session, area.dir, image);
  await recordImage(store, blobs, image, () => startedAt);
  return image;
}

async function unchangedImport(
  reference: LocalReference,
  { store }: ImportArchiveOptions,
): Promise<Digest | undefined> {
  const record = await store?.get(formatLocalReference(reference));
  if (record === undefined || !record.complete) return undefined;
  try {
    const { ctimeMs } = await stat(reference.path);
    return ctimeMs + CLOCK_GRAIN_MS < record.cachedAt ? record.manifestDigest : undefined;
  } catch (thrown) {
    // Gone: the import says so.
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw toBoxliteError(thrown, 'storage_error', `reading ${reference.path}`);
  }
}
