import {
  BoxliteError,
  type ImageLayer,
  type ImageProgress,
  type ImageSource,
  type ImageStore,
  type ResolvedImage,
  SharedTasks,
  throwIfAborted,
} from '@boxlite/core';
import { type BlobDirectories, BlobStore } from '../blobs/blob-store.js';
import { DEFAULT_IMAGE_LIMITS, type ImageLimits } from '../documents/assemble-image.js';
import { hostPlatform } from '../documents/choose-platform.js';
import { openStoredLayer } from '../layers/open-stored-layer.js';
import {
  formatLocalReference,
  isLocalReference,
  type LocalReference,
  parseLocalReference,
} from '../reference/local-reference.js';
import { importArchive } from './import-archive.js';
import { openLayoutLayer } from './open-layout-layer.js';
import { resolveLayout } from './resolve-layout.js';

export interface LocalImageSourceOptions {
  /** Where the blobs of archives are kept: a blob store, or the directories of one. Without it archives are refused. */
  readonly blobs?: BlobStore | BlobDirectories;
  /** Remembers imported archives, so that an unchanged one is not read again. */
  readonly store?: ImageStore;
  /** Bounds of one image; default {@link DEFAULT_IMAGE_LIMITS}. */
  readonly limits?: Partial<ImageLimits>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Images of this machine: `oci:DIR[:TAG]`, a directory read in place, and `oci-archive:FILE[:TAG]` or `docker-archive:FILE[:NAME[:TAG]]`, tar files
 * whose blobs are copied to the blob store first. Both read archives of either kind.
 *
 * Documents are hashed when an image is resolved; layers read in place are checked by size then, and hashed when they are opened.
 * Errors: see {@link resolveLayout} and {@link importArchive}.
 *
 * @example
 * ```ts
 * const source = createLocalImageSource();
 * const image = await source.resolve('oci:./busybox:latest');
 * ```
 */
export function createLocalImageSource(options: LocalImageSourceOptions = {}): ImageSource {
  const { store, now = Date.now } = options;
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  const blobs =
    options.blobs === undefined || options.blobs instanceof BlobStore ? options.blobs : new BlobStore(options.blobs);
  const tasks = new SharedTasks<ResolvedImage, ImageProgress>();
  const storeFor = (reference: string): BlobStore => {
    if (blobs !== undefined) return blobs;
    throw new BoxliteError(
      'unsupported',
      `image "${reference}" is an archive, and there is no blob store to import it to`,
      {
        hint: 'give createLocalImageSource the option blobs, or unpack the archive and use oci:DIR',
        details: { field: 'image' },
      },
    );
  };
  return {
    id: 'local',
    accepts: isLocalReference,
    async resolve(text, { platform = hostPlatform(), pull = 'missing', ...caller } = {}) {
      const reference = parseLocalReference(text);
      const name = formatLocalReference(reference);
      const key = JSON.stringify([name, platform, pull]);
      return tasks.run(key, `reading image ${name}`, caller, async ({ signal, tell }) => {
        tell({ kind: 'resolve' });
        const common = { platform, limits, signal, tell };
        const image =
          reference.kind === 'oci'
            ? await resolveLayout(reference.path, reference, common)
            : await importArchive(reference, {
                ...common,
                blobs: storeFor(name),
                store,
                now,
                always: pull === 'always',
              });
        tell({ kind: 'done' } satisfies ImageProgress);
        return image;
      });
    },
    openLayer: (image, layer, signal) => openLocalLayer(image, layer, signal),
  };

  /** Mends a stored layer from the archive, while there is one. */
  async function importAgain(image: ResolvedImage, reference: LocalReference, signal: AbortSignal | undefined) {
    const tell = () => undefined;
    const { platform } = image;
    try {
      const from = { platform, limits, signal, tell, blobs: storeFor(image.reference), store, now, always: true };
      await importArchive(reference, from);
    } catch (thrown) {
      // The stored layer is then read as it is, which says what is wrong with it.
      if (!BoxliteError.isInstance(thrown, 'image_not_found')) throw thrown;
    }
  }

  async function* openLocalLayer(image: ResolvedImage, layer: ImageLayer, signal: AbortSignal | undefined) {
    throwIfAborted(signal, `reading layer ${layer.digest}`);
    const reference = parseLocalReference(image.reference);
    if (reference.kind === 'oci') {
      yield* openLayoutLayer(reference.path, layer, limits.maxLayerBytes, signal);
      return;
    }
    const store = storeFor(image.reference);
    const refetch = () => importAgain(image, reference, signal);
    yield* openStoredLayer(store, layer, { maxLayerBytes: limits.maxLayerBytes, signal, refetch });
  }
}
