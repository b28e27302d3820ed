import { BoxliteError, type ImageLayer, type ImageProgress, type ImageSource, type ResolvedImage } from '@boxlite/core';
import { throwIfAborted } from '../abort.js';
import { assembleImage, checkManifest, DEFAULT_IMAGE_LIMITS, type ImageLimits } from '../documents/assemble-image.js';
import { hostPlatform } from '../documents/choose-platform.js';
import type { IndexEntry } from '../documents/image-documents.js';
import { chooseEntry, resolveManifest } from '../documents/resolve-manifest.js';
import { decodeLayer } from '../layers/decode-layer.js';
import {
  formatLocalReference,
  isLocalReference,
  type LocalReference,
  parseLocalReference,
} from '../reference/local-reference.js';
import { LayoutDirectory, readLayoutBlob } from './layout-directory.js';
import { selectEntries } from './layout-documents.js';

export interface LocalImageSourceOptions {
  /** Bounds of one image; see {@link DEFAULT_IMAGE_LIMITS}. */
  readonly limits?: Partial<ImageLimits>;
}

type ResolveOptions = NonNullable<Parameters<ImageSource['resolve']>[1]>;

/**
 * Images of this machine: `oci:DIR[:TAG]`, a directory read in place, and `oci-archive:FILE[:TAG]`, a tar file whose blobs are copied to
 * the blob store first.
 *
 * Documents are hashed when an image is resolved, layers when they are opened.
 *
 * @example
 * ```ts
 * const source = createLocalImageSource();
 * const image = await source.resolve('oci:./busybox:latest');
 * ```
 */
export function createLocalImageSource(options: LocalImageSourceOptions = {}): ImageSource {
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  return {
    id: 'local',
    accepts: isLocalReference,
    resolve: (text, resolveOptions = {}) => {
      const reference = parseLocalReference(text);
      return resolveDirectory(reference, limits, resolveOptions);
    },
    openLayer: (image, layer, signal) => openLocalLayer(image, layer, limits, signal),
  };
}

async function resolveDirectory(
  reference: LocalReference,
  limits: ImageLimits,
  { platform = hostPlatform(), signal, onProgress }: ResolveOptions,
): Promise<ResolvedImage> {
  const name = formatLocalReference(reference);
  const tell = (progress: ImageProgress) => onProgress?.(progress);
  throwIfAborted(signal, `reading ${name}`);
  tell({ kind: 'resolve' });
  const layout = await LayoutDirectory.open(reference.path);
  const load = async (entry: IndexEntry) => ({
    digest: entry.digest,
    bytes: await layout.readDocument(entry.digest, entry.size),
    mediaType: entry.mediaType,
  });
  const root = chooseEntry(selectEntries(await layout.readIndex(), reference), platform, name);
  const { digest, manifest } = await resolveManifest(await load(root), platform, load, name);
  checkManifest(manifest, name, limits);
  const configBytes = await layout.readDocument(manifest.config.digest, manifest.config.size);
  const image = assembleImage({ reference: name, manifestDigest: digest, manifest, configBytes, platform });
  for (const layer of image.layers) {
    throwIfAborted(signal, `reading ${name}`);
    await layout.checkBlob(layer.digest, layer.size);
    tell({ kind: 'verify', digest: layer.digest, bytes: layer.size, totalBytes: layer.size });
  }
  tell({ kind: 'done' });
  return image;
}

async function* openLocalLayer(
  image: ResolvedImage,
  layer: ImageLayer,
  limits: ImageLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reference = parseLocalReference(image.reference);
  if (reference.kind !== 'oci') throw new BoxliteError('unsupported', 'archives');
  yield* decodeLayer(readLayoutBlob(reference.path, layer.digest, signal), layer, {
    maxLayerBytes: limits.maxLayerBytes,
    verifyDigest: true,
    ...(signal === undefined ? {} : { signal }),
  });
}
