import { BoxliteError, type Digest, escapeText, type ImageRecord, type ResolvedImage } from '@boxlite/core';
import * as z from 'zod';
import { assembleImage } from '../documents/assemble-image.js';
import { parseImageConfig } from '../documents/image-config.js';
import { parseManifestDocument } from '../documents/image-documents.js';
import { MEDIA_TYPE } from '../documents/media-types.js';
import { parseDocument } from '../documents/parse-document.js';
import type { ImageCache } from './image-cache.js';
import { type ImageSize, listImages } from './list-images.js';

/** What a layer was made by (OCI image-spec, config.md, `history`). */
export interface HistoryEntry {
  readonly created?: string;
  readonly createdBy?: string;
  readonly comment?: string;
  /** True for steps that made no layer. */
  readonly emptyLayer: boolean;
}

export interface ImageDetails extends ImageSize {
  readonly image: ResolvedImage;
  /** Every name of this manifest. */
  readonly references: readonly string[];
  /** As the image has it, a date by RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly history: readonly HistoryEntry[];
  /** Of the manifest. */
  readonly mediaType: string;
}

const text = z.string().optional().catch(undefined);
const detailsSchema = z.object({
  created: text,
  author: text,
  history: z
    .array(
      z.object({ created: text, created_by: text, comment: text, empty_layer: z.boolean().optional().catch(false) }),
    )
    .nullish()
    .catch([]),
});

/**
 * All there is to know of a recorded image, from its documents, whatever its platform.
 * @throws BoxliteError `not_found` when a document is not in the store (as of images read in place), `image_invalid`, `storage_error`
 */
export async function inspectImage(cache: ImageCache, record: ImageRecord): Promise<ImageDetails> {
  const read = async (kind: 'manifests' | 'configs', digest: Digest) => {
    const bytes = await cache.blobs.readDocument(kind, digest);
    if (bytes !== undefined) return bytes;
    throw new BoxliteError(
      'not_found',
      escapeText(`image "${record.reference}": document ${digest} is not in the store`, 600),
      {
        hint: 'pull the image again; one of an oci: directory is not stored, see its index.json',
        details: { digest, image: record.reference },
      },
    );
  };
  const what = `manifest ${record.manifestDigest} of image "${record.reference}"`;
  const parsed = parseManifestDocument(await read('manifests', record.manifestDigest), undefined, what);
  if (parsed.kind === 'index') throw new BoxliteError('image_invalid', escapeText(`${what} is an index`, 600));
  const { manifest } = parsed;
  const configBytes = await read('configs', manifest.config.digest);
  const named = `configuration ${manifest.config.digest} of image "${record.reference}"`;
  const { platform } = parseImageConfig(configBytes, named);
  const { reference, manifestDigest } = record;
  const image = assembleImage({ reference, manifestDigest, manifest, configBytes, platform });
  const { created, author, history } = parseDocument(detailsSchema, configBytes, named);
  const images = (await listImages(cache)).filter((stored) => stored.record.manifestDigest === manifestDigest);
  const size = images.find((stored) => stored.record.reference === reference) ?? images[0];
  const { sizeBytes = 0, sharedBytes = 0, uniqueBytes = 0, missing = [] } = size ?? {};
  return {
    image,
    references: images.map((stored) => stored.record.reference),
    ...(created === undefined ? {} : { created }),
    ...(author === undefined ? {} : { author }),
    history: (history ?? []).map((step) => ({
      ...(step.created === undefined ? {} : { created: step.created }),
      ...(step.created_by === undefined ? {} : { createdBy: step.created_by }),
      ...(step.comment === undefined ? {} : { comment: step.comment }),
      emptyLayer: step.empty_layer ?? false,
    })),
    mediaType: manifest.mediaType ?? MEDIA_TYPE.ociManifest,
    sizeBytes,
    sharedBytes,
    uniqueBytes,
    missing,
  };
}
