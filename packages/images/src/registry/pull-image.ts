import { type ImageProgress, type Platform, type ResolvedImage, type TaskContext, throwIfAborted } from '@boxlite/core';
import type PQueue from 'p-queue';
import type { BlobSession } from '../blobs/blob-session.js';
import { assembleImage, checkManifest, type ImageLimits } from '../documents/assemble-image.js';
import type { Descriptor, IndexEntry } from '../documents/image-documents.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { type LoadedDocument, resolveManifest } from '../documents/resolve-manifest.js';
import { formatImageReference, type ImageReference } from '../reference/image-reference.js';
import type { RegistryClient } from './registry-client.js';

/** Between two `download` events of a layer, in bytes. */
const PROGRESS_STEP_BYTES = 1024 * 1024;

export interface PullOptions {
  readonly client: RegistryClient;
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
  const { client, blobs, context, limits, platform } = options;
  const { signal, tell } = context;
  const { repository } = reference;
  const name = formatImageReference(reference);
  const keep = async (document: LoadedDocument) => {
    await blobs.putDocument('manifests', document.bytes);
    return document;
  };
  const load = async (entry: IndexEntry) => {
    checkDocumentSize(entry, name);
    const document = await client.fetchManifest(repository, entry.digest, signal);
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
  const root = await keep(await client.fetchManifest(repository, tagOrDigest, signal));
  const { digest, manifest } = await resolveManifest(root, platform, load, name);
  checkManifest(manifest, name, limits);
  const { config } = manifest;
  await blobs.ensure('configs', config, (sink, inner) => client.fetchBlob(repository, config, sink, inner), { signal });
  const configBytes = await blobs.readDocument('configs', config.digest);
  if (configBytes === undefined) throw invalidDocument(`image "${name}"`, 'config: it vanished from the cache');
  const image = assembleImage({ reference: name, manifestDigest: digest, manifest, configBytes, platform });
  await fetchLayers(repository, manifest.layers, { ...options, tell });
  return image;
}

/** All at once as far as the queue lets them; the first failure stops the others, and waits until they have cleaned up. */
async function fetchLayers(
  repository: string,
  layers: readonly Descriptor[],
  { client, blobs, queue, context, tell }: PullOptions & { readonly tell: (progress: ImageProgress) => void },
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const unique = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  const fetchLayer = async (layer: Descriptor) => {
    const caller = { signal, onProgress: tell };
    await blobs.ensure(
      'layers',
      layer,
      async (sink, inner) => {
        let told = 0;
        const report = (bytes: number) => {
          told = bytes;
          inner.tell({ kind: 'download', digest: layer.digest, bytes, totalBytes: layer.size });
        };
        report(0);
        const onBytes = (bytes: number) => {
          if (bytes - told >= PROGRESS_STEP_BYTES || bytes === layer.size || bytes < told) report(bytes);
        };
        await client.fetchBlob(repository, layer, sink, { signal: inner.signal, onBytes });
      },
      caller,
    );
    tell({ kind: 'verify', digest: layer.digest, bytes: layer.size, totalBytes: layer.size });
  };
  let failure: { readonly reason: unknown } | undefined;
  const started: Promise<void>[] = [];
  const start = (layer: Descriptor) => {
    const work = fetchLayer(layer).catch((reason: unknown) => {
      failure ??= { reason };
      failed.abort(reason);
    });
    started.push(work);
    return work;
  };
  // The queue lets go of what it aborts before that has cleaned up, so the work itself is waited for too.
  await Promise.allSettled(unique.map((layer) => queue.add(() => start(layer), { signal })));
  await Promise.all(started);
  throwIfAborted(context.signal, 'fetching layers');
  if (failure !== undefined) throw (failure as { readonly reason: unknown }).reason;
}

function checkDocumentSize(entry: IndexEntry, name: string): void {
  if (entry.size <= MAX_DOCUMENT_BYTES) return;
  throw invalidDocument(
    `image "${name}"`,
    `manifests: ${entry.digest} is larger than ${MAX_DOCUMENT_BYTES} bytes`,
    'manifests',
  );
}
