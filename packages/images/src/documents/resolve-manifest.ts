import { BoxliteError, type Digest, type Platform } from '@boxlite/core';
import { choosePlatform } from './choose-platform.js';
import { type ImageManifest, type IndexEntry, parseManifestDocument } from './image-documents.js';
import { invalidDocument } from './parse-document.js';

// An index of indexes is legal (buildkit and `skopeo copy --all` make them); deeper ones are nobody's.
const MAX_INDEX_DEPTH = 4;
/** Documents one image may make us read, so that indexes full of indexes end. */
const MAX_DOCUMENTS = 64;

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

interface Search {
  readonly platform: Platform;
  readonly load: LoadDocument;
  readonly image: string;
  documents: number;
}

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
  return follow(root, 1, { platform, load, image, documents: 0 });
}

/**
 * As {@link resolveManifest}, from the entries of an index.
 * @throws see there
 */
export function resolveEntries(
  entries: readonly IndexEntry[],
  platform: Platform,
  load: LoadDocument,
  image: string,
): Promise<ChosenManifest> {
  return followFirst(entries, 0, { platform, load, image, documents: 0 });
}

async function follow(current: LoadedDocument, depth: number, search: Search): Promise<ChosenManifest> {
  const what = `manifest ${current.digest} of image "${search.image}"`;
  const document = parseManifestDocument(current.bytes, current.mediaType, what);
  if (document.kind === 'manifest') {
    return { digest: current.digest, bytes: current.bytes, manifest: document.manifest };
  }
  return followFirst(document.index.manifests, depth, search);
}

/** Of several indexes that say no platform, the first that has something for it. */
async function followFirst(entries: readonly IndexEntry[], depth: number, search: Search): Promise<ChosenManifest> {
  if (depth >= MAX_INDEX_DEPTH) throw tooMuch(search, `nested deeper than ${MAX_INDEX_DEPTH}`);
  const candidates = choosePlatform(entries, search.platform, search.image);
  let mismatch: unknown;
  for (const candidate of candidates) {
    search.documents += 1;
    if (search.documents > MAX_DOCUMENTS) throw tooMuch(search, `more than ${MAX_DOCUMENTS} documents`);
    try {
      return await follow(await search.load(candidate), depth + 1, search);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'platform_mismatch')) throw thrown;
      mismatch ??= thrown;
    }
  }
  throw mismatch;
}

function tooMuch({ image }: Search, why: string): BoxliteError {
  return invalidDocument(`image "${image}"`, `manifests: ${why}`, 'manifests');
}
