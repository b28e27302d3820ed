import {
  BoxliteError,
  type Digest,
  type ImageLayer,
  type ImageProgress,
  type ImageSource,
  type ImageStore,
  type Platform,
  type ResolvedImage,
  SharedTasks,
  type TaskContext,
} from '@boxlite/core';
import PQueue from 'p-queue';
import { type BlobDirectories, BlobStore, type FillBlob } from '../blobs/blob-store.js';
import { loadCachedImage, recordImage } from '../cached-image.js';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '../documents/assemble-image.js';
import { hostPlatform } from '../documents/choose-platform.js';
import { openStoredLayer } from '../layers/open-stored-layer.js';
import {
  DEFAULT_REGISTRY,
  formatImageReference,
  type ImageReference,
  isUnqualified,
  parseImageReference,
} from '../reference/image-reference.js';
import { isLocalReference } from '../reference/local-reference.js';
import { DEFAULT_HTTP_TIMEOUTS, HttpClient, type HttpTimeouts } from './http-client.js';
import { pullImage } from './pull-image.js';
import { RegistryClient } from './registry-client.js';
import { defaultEntry, parseRegistries, type RegistrySettings } from './registry-settings.js';

/** Layers fetched at the same time, over all pulls of a source. */
const PARALLEL_LAYERS = 3;

export interface RegistryImageSourceOptions {
  /** A blob store, or the directories of one. */
  readonly blobs: BlobStore | BlobDirectories;
  /** Remembers which image a reference means. Without it every tag is asked for again, and only digests resolve offline. */
  readonly store?: ImageStore;
  /** Transport and credentials a host; hosts not listed are spoken to by https, anonymously. */
  readonly registries?: readonly RegistrySettings[];
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
 * @throws BoxliteError `invalid_argument` for wrong `registries`; makes no connection
 */
export function createRegistryImageSource(options: RegistryImageSourceOptions): RegistryImageSource {
  const { store, now = Date.now } = options;
  const blobs = options.blobs instanceof BlobStore ? options.blobs : new BlobStore(options.blobs);
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  const registries = parseRegistries(options.registries ?? []);
  const http = new HttpClient({ ...DEFAULT_HTTP_TIMEOUTS, ...options.timeouts });
  const queue = new PQueue({ concurrency: PARALLEL_LAYERS });
  const tasks = new SharedTasks<ResolvedImage, ImageProgress>();
  const clients = new Map<string, RegistryClient>();
  const clientFor = (registry: string) => {
    const existing = clients.get(registry);
    if (existing !== undefined) return existing;
    const configured = (host: string) => registries.get(host);
    const made = new RegistryClient(registries.get(registry) ?? defaultEntry(registry), http, configured, now);
    clients.set(registry, made);
    return made;
  };

  const cached = async (reference: ImageReference, platform: Platform): Promise<ResolvedImage | undefined> => {
    const name = formatImageReference(reference);
    const record = await store?.get(name);
    const digest: Digest | undefined = record?.complete === true ? record.manifestDigest : reference.digest;
    return digest === undefined ? undefined : loadCachedImage(blobs, name, digest, platform);
  };

  const pull = async (
    reference: ImageReference,
    platform: Platform,
    context: TaskContext<ImageProgress>,
  ): Promise<ResolvedImage> => {
    const client = clientFor(reference.registry);
    await using session = blobs.session(`pulling ${formatImageReference(reference)}`);
    const image = await pullImage(reference, { client, blobs: session, queue, platform, limits, context });
    await recordImage(store, blobs, image, now);
    return image;
  };

  /** Images that were asked for without a registry: a damaged layer of one stays an error. */
  const offline = new WeakSet<ResolvedImage>();
  const refetch = async (image: ResolvedImage, layer: ImageLayer, signal: AbortSignal | undefined): Promise<void> => {
    const { registry, repository } = parseImageReference(image.reference);
    const fill: FillBlob = (sink, context) =>
      clientFor(registry).fetchBlob(repository, layer, sink, { signal: context.signal });
    await blobs.ensure('layers', layer, fill, { signal });
  };

  const close = () => http.close();
  return {
    id: 'registry',
    accepts: (text) => !isLocalReference(text),
    async resolve(text, { platform = hostPlatform(), pull: policy = 'missing', ...caller } = {}) {
      const candidates = candidatesOf(text, registries);
      const key = JSON.stringify([candidates.map(formatImageReference), platform, policy]);
      return tasks.run(key, `pulling image ${formatImageReference(candidates[0])}`, caller, async (context) => {
        context.tell({ kind: 'resolve' });
        const image =
          (policy === 'always' ? undefined : await firstOf(candidates, (candidate) => cached(candidate, platform))) ??
          (policy === 'never'
            ? undefined
            : await pullFirst(candidates, (candidate) => pull(candidate, platform, context)));
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

/** Names without a host are looked for in the search registries; without any, they are docker.io's. */
function candidatesOf(
  text: string,
  registries: ReadonlyMap<string, { readonly host: string; readonly search: boolean }>,
): readonly [ImageReference, ...ImageReference[]] {
  const plain = parseImageReference(text);
  if (!isUnqualified(text)) return [plain];
  const [first, ...rest] = [...registries.values()]
    .filter(({ search }) => search)
    .map(({ host }) => ({ ...plain, registry: host, repository: repositoryOn(host, text, plain) }));
  return first === undefined ? [plain] : [first, ...rest];
}

/** `library/` is what docker.io puts before single names; other registries do not. */
function repositoryOn(host: string, text: string, { repository }: ImageReference): string {
  return host === DEFAULT_REGISTRY || text.includes('/') ? repository : repository.slice('library/'.length);
}

async function firstOf<Item, Result>(
  items: readonly Item[],
  find: (item: Item) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  for (const item of items) {
    const found = await find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function pullFirst(
  candidates: readonly [ImageReference, ...ImageReference[]],
  pull: (candidate: ImageReference) => Promise<ResolvedImage>,
): Promise<ResolvedImage> {
  const failures: { readonly name: string; readonly error: BoxliteError }[] = [];
  for (const candidate of candidates) {
    try {
      return await pull(candidate);
    } catch (thrown) {
      const mayBeElsewhere =
        BoxliteError.isInstance(thrown) &&
        ['image_not_found', 'image_unauthorized', 'network_unavailable'].includes(thrown.code);
      if (!mayBeElsewhere || candidates.length === 1) throw thrown;
      failures.push({ name: formatImageReference(candidate), error: thrown });
    }
  }
  const list = failures.map(({ name, error }) => `- ${name}: ${error.message}`).join('\n');
  const codes = new Set(failures.map(({ error }) => error.code));
  const [code = 'image_not_found'] = codes.size === 1 ? codes : [];
  throw new BoxliteError(code, `no search registry has the image:\n${list}`, {
    hint: 'write the image with its registry: host/name:tag',
    details: { field: 'image' },
  });
}

function notCached(reference: ImageReference): BoxliteError {
  return new BoxliteError('image_not_found', `image ${formatImageReference(reference)} is not in the cache`, {
    hint: 'pull it first, or allow pulling',
    details: { field: 'image' },
  });
}
