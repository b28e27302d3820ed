import { setMaxListeners } from 'node:events';
import { type ImageProgress, type TaskContext, throwIfAborted } from '@boxlite/core';
import type PQueue from 'p-queue';
import type { BlobSession } from '../blobs/blob-session.js';
import type { Descriptor } from '../documents/image-documents.js';
import { ensureBlob } from './ensure-blob.js';
import type { ImageRegistry } from './image-registry.js';
import { createImageTally } from './image-tally.js';

/** Between two `download` events of a layer, in bytes. */
const PROGRESS_STEP_BYTES = 1024 * 1024;

export interface FetchLayersOptions {
  readonly registry: ImageRegistry;
  readonly repository: string;
  readonly blobs: BlobSession;
  /** How many layers at a time. */
  readonly queue: PQueue;
  readonly context: TaskContext<ImageProgress>;
}

/**
 * All layers, as many at a time as the queue lets through. The first failure stops the others, and is thrown when they have cleaned up.
 * @throws BoxliteError as `BlobStore.ensure` and `ImageRegistry.fetchBlob`
 */
export async function fetchLayers(layers: readonly Descriptor[], options: FetchLayersOptions): Promise<void> {
  const { queue, context } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  // Every layer listens to it.
  setMaxListeners(0, signal);
  const unique = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  const tally = createImageTally(unique);
  const tell = (progress: ImageProgress) => context.tell(tally.count(progress));
  for (const { digest, size } of unique) tell({ kind: 'download', digest, bytes: 0, totalBytes: size });

  let failure: { readonly reason: unknown } | undefined;
  const started: Promise<void>[] = [];
  const start = (layer: Descriptor) => {
    const work = fetchLayer(layer, { ...options, context: { signal, tell } }).catch((reason: unknown) => {
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

async function fetchLayer(
  layer: Descriptor,
  { registry, repository, blobs, context }: FetchLayersOptions,
): Promise<void> {
  const { digest, size } = layer;
  const whole = { digest, bytes: size, totalBytes: size };
  const fetched = await ensureBlob(
    blobs,
    'layers',
    layer,
    async (sink, shared) => {
      let told = 0;
      const onBytes = (bytes: number) => {
        const worthTelling = bytes - told >= PROGRESS_STEP_BYTES || bytes === size || bytes < told;
        if (!worthTelling) return;
        told = bytes;
        shared.tell({ kind: 'download', digest, bytes, totalBytes: size });
      };
      await registry.fetchBlob(repository, layer, sink, shared, onBytes);
      shared.tell({ kind: 'verify', ...whole });
    },
    { signal: context.signal, onProgress: context.tell },
  );
  // One that was here was hashed instead.
  if (!fetched) context.tell({ kind: 'verify', ...whole });
  context.tell({ kind: 'done', ...whole });
}
