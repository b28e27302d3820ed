import {
  BoxliteError,
  type Digest,
  escapeText,
  type ImageLayer,
  type Platform,
  type ResolvedImage,
} from '@boxlite/core';
import { isSameArchitecture, platformMismatch } from './choose-platform.js';
import { parseImageConfig } from './image-config.js';
import type { Descriptor, ImageManifest } from './image-documents.js';
import { isForeignLayerType, isImageConfigType, isLayerType } from './media-types.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from './parse-document.js';

/** Bounds on what one image may ask of this machine. */
export interface ImageLimits {
  /** Bytes of one layer, compressed and uncompressed each. Default 20 GiB. */
  readonly maxLayerBytes: number;
  /** Compressed bytes of all layers together. Default 64 GiB. */
  readonly maxImageBytes: number;
}

export const DEFAULT_IMAGE_LIMITS: ImageLimits = { maxLayerBytes: 20 * 1024 ** 3, maxImageBytes: 64 * 1024 ** 3 };

/**
 * Checks everything of a manifest that can be checked before a layer is fetched.
 * @throws BoxliteError `image_invalid` (also for foreign layers), `resource_exhausted`
 */
export function checkManifest(manifest: ImageManifest, image: string, limits: ImageLimits): void {
  const what = `the manifest of image "${image}"`;
  if (!isImageConfigType(manifest.config.mediaType)) {
    throw invalidDocument(
      what,
      `config.mediaType: ${JSON.stringify(manifest.config.mediaType)} is not a container image`,
      'config.mediaType',
    );
  }
  if (manifest.config.size > MAX_DOCUMENT_BYTES) {
    throw invalidDocument(what, `config.size: more than ${MAX_DOCUMENT_BYTES} bytes`, 'config.size');
  }
  let total = 0;
  const sizes = new Map<Digest, number>();
  for (const [index, layer] of manifest.layers.entries()) {
    checkLayer(layer, index, what, limits);
    // One of them is a lie that would show only when the layer is opened.
    if ((sizes.get(layer.digest) ?? layer.size) !== layer.size) {
      const field = `layers[${index}].size`;
      throw invalidDocument(what, `${field}: another size than before for layer ${layer.digest}`, field);
    }
    sizes.set(layer.digest, layer.size);
    total += layer.size;
  }
  if (total > limits.maxImageBytes) throw tooLarge(image, 'layers', total, limits.maxImageBytes);
}

/**
 * Puts manifest and configuration together.
 * @throws BoxliteError `image_invalid`, `platform_mismatch`
 */
export function assembleImage(input: {
  readonly reference: string;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  readonly platform: Platform;
}): ResolvedImage {
  const { manifest, reference } = input;
  const what = `configuration ${manifest.config.digest} of image "${reference}"`;
  const { config, diffIds, platform } = parseImageConfig(input.configBytes, what);
  // The configuration's variant is often missing where the index has one, so only os and architecture are held against it.
  const wanted = { os: input.platform.os, architecture: input.platform.architecture };
  if (!isSameArchitecture(platform, wanted)) throw platformMismatch(reference, wanted, [platform]);
  if (diffIds.length !== manifest.layers.length) {
    throw invalidDocument(
      what,
      `rootfs.diff_ids: ${diffIds.length} for ${manifest.layers.length} layers`,
      'rootfs.diff_ids',
    );
  }
  const layers = manifest.layers.map((layer, index): ImageLayer => {
    const diffId = diffIds[index];
    if (diffId === undefined)
      throw invalidDocument(what, `rootfs.diff_ids[${index}]: missing`, `rootfs.diff_ids[${index}]`);
    return { digest: layer.digest, diffId, mediaType: layer.mediaType, size: layer.size };
  });
  return {
    reference,
    manifestDigest: input.manifestDigest,
    configDigest: manifest.config.digest,
    platform,
    config,
    layers,
  };
}

function checkLayer(layer: Descriptor, index: number, what: string, limits: ImageLimits): void {
  const field = `layers[${index}]`;
  if (isForeignLayerType(layer.mediaType)) {
    throw invalidDocument(what, `${field}.mediaType: foreign layers are refused`, `${field}.mediaType`);
  }
  if (layer.urls != null && layer.urls.length > 0) {
    throw invalidDocument(what, `${field}.urls: layers fetched from elsewhere are refused`, `${field}.urls`);
  }
  if (!isLayerType(layer.mediaType)) {
    throw invalidDocument(
      what,
      `${field}.mediaType: ${JSON.stringify(layer.mediaType)} is not a layer`,
      `${field}.mediaType`,
    );
  }
  if (layer.size > limits.maxLayerBytes)
    throw tooLarge(layer.digest, `${field}.size`, layer.size, limits.maxLayerBytes);
}

function tooLarge(entity: string, field: string, bytes: number, limit: number): BoxliteError {
  return new BoxliteError(
    'resource_exhausted',
    escapeText(`${entity} has ${bytes} bytes, more than the limit of ${limit}`),
    {
      hint: 'use a smaller image, or raise the limit of the image source',
      details: { field, bytes, limit },
    },
  );
}
