import type { ImageProgress, Platform, ResolvedImage, TaskContext } from '@boxlite/core';
import type PQueue from 'p-queue';
import type { BlobSession } from '../blobs/blob-session.js';
import { assembleImage, checkManifest, type ImageLimits } from '../documents/assemble-image.js';
import type { IndexEntry } from '../documents/image-documents.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { type LoadedDocument, resolveManifest } from '../documents/resolve-manifest.js';
import { formatImageReference, type ImageReference } from '../reference/image-reference.js';
import { ensureBlob } from './ensure-blob.js';
import { fetchLayers } from './fetch-layers.js';
import type { ImageRegistry } from './image-registry.js';

export interface PullOptions {
  /** Where the image is, mirrors included. */
  readonly registry: ImageRegistry;
  /** Keeps what it fetches from being collected until the image is recorded. */
  readonly blobs: BlobSession;
  /** Shared by all pulls of a source, so that layers of several images do not add up. */
  readonly queue: PQueue;
  readonly platform: Platform;
  readonly limits: ImageLimits;
  readonly context: TaskContext<ImageProgress>;
}

/**
 * Fetches what is missing of an image. Everything that can be refused is refused before the first layer.
 * @throws BoxliteError as `ImageSource.resolve`; blobs that were complete stay, nothing else
 */
export async function pullImage(reference: ImageReference, options: PullOptions): Promise<ResolvedImage> {
  const { registry, blobs, queue, context, limits, platform } = options;
  const { repository } = reference;
  const name = formatImageReference(reference);
  const keep = async (document: LoadedDocument) => {
    await blobs.putDocument('manifests', document.bytes);
    return document;
  };
  const load = async (entry: IndexEntry) => {
    checkDocumentSize(entry, name);
    const document = await registry.fetchManifest(repository, entry.digest, context);
    if (document.bytes.byteLength !== entry.size) {
      throw invalidDocument(
        `image "${name}"`,
        `manifests: ${entry.digest} has another size than its index says`,
        'manifests',
      );
    }
    return keep({ ...document, mediaType: entry.mediaType });
  };
  const tagOrDigest = reference.digest ?? reference.tag ?? 'latest';
  const root = await keep(await registry.fetchManifest(repository, tagOrDigest, context));
  const { digest, manifest } = await resolveManifest(root, platform, load, name);
  checkManifest(manifest, name, limits);
  const { config } = manifest;
  const caller = { signal: context.signal, onProgress: context.tell };
  await ensureBlob(
    blobs,
    'configs',
    config,
    (sink, shared) => registry.fetchBlob(repository, config, sink, shared),
    caller,
  );
  const configBytes = await blobs.readDocument('configs', config.digest);
  if (configBytes === undefined) throw invalidDocument(`image "${name}"`, 'config: it vanished from the cache');
  const image = assembleImage({ reference: name, manifestDigest: digest, manifest, configBytes, platform });
  await fetchLayers(manifest.layers, { registry, repository, blobs, queue, context });
  return image;
}

function checkDocumentSize(entry: IndexEntry, name: string): void {
  if (entry.size <= MAX_DOCUMENT_BYTES) return;
  throw invalidDocument(
    `image "${name}"`,
    `manifests: ${entry.digest} is larger than ${MAX_DOCUMENT_BYTES} bytes`,
    'manifests',
  );
}
