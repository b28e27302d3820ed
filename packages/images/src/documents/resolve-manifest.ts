import type { Digest, Platform } from '@boxlite/core';
import { choosePlatform } from './choose-platform.js';
import { type ImageManifest, type IndexEntry, parseManifestDocument } from './image-documents.js';
import { documentKind } from './media-types.js';
import { invalidDocument } from './parse-document.js';

// An index of indexes is legal (buildkit and `skopeo copy --all` make them); deeper ones are nobody's.
const MAX_INDEX_DEPTH = 4;

/** A manifest or an index whose bytes have been checked against their digest. */
export interface LoadedDocument {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** As announced by the descriptor or the server. */
  readonly mediaType?: string;
}

/** The manifest of one platform. */
export interface ChosenManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
}

/** Gives the bytes of an index entry, verified against its digest and size. */
export type LoadDocument = (entry: IndexEntry) => Promise<LoadedDocument>;

/**
 * Follows an index to the manifest of one platform.
 * @param root where to start: an index or a manifest
 * @param image the reference, for errors
 * @throws BoxliteError `platform_mismatch`, `image_invalid`, and whatever `load` throws
 */
export async function resolveManifest(
  root: LoadedDocument,
  platform: Platform,
  load: LoadDocument,
  image: string,
): Promise<ChosenManifest> {
  let current = root;
  for (let depth = 0; depth < MAX_INDEX_DEPTH; depth += 1) {
    const what = `manifest ${current.digest} of image "${image}"`;
    const document = parseManifestDocument(current.bytes, current.mediaType, what);
    if (document.kind === 'manifest') {
      return { digest: current.digest, bytes: current.bytes, manifest: document.manifest };
    }
    current = await load(chooseEntry(document.index.manifests, platform, image));
  }
  throw invalidDocument(`image "${image}"`, `manifests: nested deeper than ${MAX_INDEX_DEPTH}`, 'manifests');
}

/**
 * The entry to follow: the wanted platform's, or the only one there is when it does not name its platform.
 * @throws BoxliteError `platform_mismatch`, `image_invalid` when the entry is no image
 */
export function chooseEntry(entries: readonly IndexEntry[], platform: Platform, image: string): IndexEntry {
  const entry = choosePlatform(entries, platform, image);
  if (documentKind(entry.mediaType) !== undefined) return entry;
  throw invalidDocument(`image "${image}"`, `manifests: entry ${entry.digest} is not an image`, 'manifests');
}
