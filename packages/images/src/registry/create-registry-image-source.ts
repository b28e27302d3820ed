import {
  BoxliteError,
  type ImageLayer,
  type ImageProgress,
  type ImageSource,
  type ImageStore,
  type Platform,
  type ResolvedImage,
  SharedTasks,
  type TaskContext,
} from '@boxlite/core';
import type PQueue from 'p-queue';
import { type BlobDirectories, BlobStore, type FillBlob } from '../blobs/blob-store.js';
import { loadCachedImage, recordImage } from '../cached-image.js';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '../documents/assemble-image.js';
import { hostPlatform } from '../documents/choose-platform.js';
import { openStoredLayer } from '../layers/open-stored-layer.js';
import { formatImageReference, type ImageReference, parseImageReference } from '../reference/image-reference.js';
import { isLocalReference } from '../reference/local-reference.js';
import type { CredentialSource } from './credential-source.js';
import { Credentials } from './credentials.js';
import { dockerCredentials } from './docker-config/docker-credentials.js';
import { DEFAULT_HTTP_TIMEOUTS, HttpClient, type HttpTimeouts } from './http-client.js';
import { pullImage } from './pull-image.js';
import { registryDirectory } from './registry-directory.js';
import { parseRegistries, type RegistrySettings } from './registry-settings.js';
import { firstFound, firstThatSucceeds, searchCandidates } from './search-candidates.js';
import { withoutRepeatedWarnings } from './without-repeated-warnings.js';

const DEFAULT_PARALLEL_LAYERS = 3;
const MAX_PARALLEL_LAYERS = 64;

export interface RegistryImageSourceOptions {
  /** A blob store, or the directories of one. */
  readonly blobs: BlobStore | BlobDirectories;
  /** Remembers which image a reference means. Without it every tag is asked for again, and only digests resolve offline. */
  readonly store?: ImageStore;
  /** Transport, credentials and mirrors a host; hosts not listed are spoken to by https. */
  readonly registries?: readonly RegistrySettings[];
  /**
   * Where the credentials of registries without `auth` come from. True (default): `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, with its
   * credential helpers; a string: another such file; false: from nowhere, and no helper is run.
   */
  readonly dockerConfig?: boolean | string;
  /** Layers fetched at the same time, over all pulls of this source, 1 to 64; default 3. */
  readonly parallelLayers?: number;
  /** Bounds of one image; default {@link DEFAULT_IMAGE_LIMITS}. */
  readonly limits?: Partial<ImageLimits>;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** An image source that holds connections. */
export interface RegistryImageSource extends ImageSource, AsyncDisposable {
  /** Ends the connections; idempotent. Not needed for the process to exit. */
  close(): Promise<void>;
}

/**
 * Images of OCI registries and of Docker's.
 *
 * A reference that was pulled before is not asked for again, unless `pull` is `always`: a tag stays what it was. Pulls of the same image
 * at the same time share one.
 *
 * @throws BoxliteError `invalid_argument` for wrong options; makes no connection and reads no file
 */
export function createRegistryImageSource(options: RegistryImageSourceOptions): RegistryImageSource {
  const { store, now = Date.now } = options;
  const blobs = options.blobs instanceof BlobStore ? options.blobs : new BlobStore(options.blobs);
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  const registries = parseRegistries(options.registries ?? []);
  const http = new HttpClient({ ...DEFAULT_HTTP_TIMEOUTS, ...options.timeouts });
  const concurrency = checkParallelLayers(options.parallelLayers);
  let queue: Promise<PQueue> | undefined;
  // Loaded by the first pull: most starts pull nothing.
  const layerQueue = () => {
    queue ??= import('p-queue').then(({ default: Queue }) => new Queue({ concurrency }));
    return queue;
  };
  const tasks = new SharedTasks<ResolvedImage, ImageProgress>();
  const registryOf = registryDirectory({ registries, http, credentials: credentialsOf(options.dockerConfig), now });

  const cached = async (reference: ImageReference, platform: Platform): Promise<ResolvedImage | undefined> => {
    const name = formatImageReference(reference);
    const { digest: pinned } = reference;
    const found = pinned === undefined ? undefined : await loadCachedImage(blobs, name, pinned, platform);
    if (found !== undefined) return found;
    // A record says what a digest means only for one that is here: of indexes in it only the chosen manifest is kept.
    if (pinned !== undefined && (await blobs.readDocument('manifests', pinned)) === undefined) return undefined;
    const record = await store?.get(name);
    return record?.complete === true ? loadCachedImage(blobs, name, record.manifestDigest, platform) : undefined;
  };

  const pull = async (
    reference: ImageReference,
    platform: Platform,
    context: TaskContext<ImageProgress>,
  ): Promise<ResolvedImage> => {
    const registry = registryOf(reference.registry);
    await using session = blobs.session(`pulling ${formatImageReference(reference)}`);
    const image = await pullImage(reference, {
      registry,
      blobs: session,
      queue: await layerQueue(),
      platform,
      limits,
      context,
    });
    await recordImage(store, blobs, image, now);
    return image;
  };

  /** Images that were asked for without a registry: a damaged layer of one stays an error. */
  const offline = new WeakSet<ResolvedImage>();
  const refetch = async (image: ResolvedImage, layer: ImageLayer, signal: AbortSignal | undefined): Promise<void> => {
    const { registry, repository } = parseImageReference(image.reference);
    const fill: FillBlob = (sink, context) => registryOf(registry).fetchBlob(repository, layer, sink, context);
    await blobs.ensure('layers', layer, fill, { signal });
  };

  const close = () => http.close();
  return {
    id: 'registry',
    accepts: (text) => !isLocalReference(text),
    async resolve(text, { platform = hostPlatform(), pull: policy = 'missing', ...caller } = {}) {
      const candidates = searchCandidates(text, registries);
      const key = JSON.stringify([candidates.map(formatImageReference), platform, policy]);
      return tasks.run(key, `pulling image ${formatImageReference(candidates[0])}`, caller, async (shared) => {
        const context = withoutRepeatedWarnings(shared);
        context.tell({ kind: 'resolve' });
        const image =
          (policy === 'always'
            ? undefined
            : await firstFound(candidates, (candidate) => cached(candidate, platform))) ??
          (policy === 'never'
            ? undefined
            : await firstThatSucceeds(candidates, (candidate) => pull(candidate, platform, context)));
        if (image === undefined) throw notCached(candidates[0]);
        if (policy === 'never') offline.add(image);
        context.tell({ kind: 'done' });
        return image;
      });
    },
    openLayer: (image, layer, signal) =>
      openStoredLayer(blobs, layer, {
        maxLayerBytes: limits.maxLayerBytes,
        signal,
        refetch: offline.has(image) ? undefined : () => refetch(image, layer, signal),
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function credentialsOf(dockerConfig: boolean | string = true): CredentialSource {
  if (dockerConfig === false) return async () => ({ credentials: Credentials.anonymous });
  return dockerCredentials(dockerConfig === true ? {} : { file: dockerConfig });
}

function checkParallelLayers(count = DEFAULT_PARALLEL_LAYERS): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_PARALLEL_LAYERS) return count;
  throw new BoxliteError('invalid_argument', `parallelLayers must be 1 to ${MAX_PARALLEL_LAYERS}, not ${count}`, {
    hint: `leave it out for ${DEFAULT_PARALLEL_LAYERS}`,
    details: { field: 'parallelLayers' },
  });
}

function notCached(reference: ImageReference): BoxliteError {
  return new BoxliteError('image_not_found', `image ${formatImageReference(reference)} is not in the cache`, {
    hint: 'pull it first, or allow pulling',
    details: { field: 'image' },
  });
}
