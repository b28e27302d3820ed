import { BoxliteError, type Digest, digestHex, escapeText } from '@boxlite/core';
import type { BlobKind, BlobStore } from '../blobs/blob-store.js';
import { parseImageConfig } from '../documents/image-config.js';
import { type IndexEntry, parseManifestDocument } from '../documents/image-documents.js';
import { MEDIA_TYPE } from '../documents/media-types.js';
import { IMAGE_NAME, REF_NAME } from '../local/image-names.js';
import { dockerName, type TaggedName, taggedName } from './docker-name.js';

/** An image to be written to an archive; records and resolved images fit. */
export interface SavedImage {
  readonly reference: string;
  readonly manifestDigest: Digest;
  /** What the archive is to call it; default `[reference]`. Names without a tag are left out. */
  readonly names?: readonly string[];
}

/** One blob of an archive. */
export interface PlannedBlob {
  readonly kind: BlobKind;
  readonly digest: Digest;
  readonly size: number;
}

/** What an archive consists of. */
export interface ArchivePlan {
  /** By name, in order; all of them small. */
  readonly documents: readonly (readonly [name: string, text: string])[];
  /** Each once, in order of their digests. */
  readonly blobs: readonly PlannedBlob[];
}

interface DockerEntry {
  readonly Config: string;
  readonly RepoTags: string[];
  readonly Layers: readonly string[];
}

/**
 * Looks up everything an archive needs, so that one that cannot be written is not begun.
 * @throws BoxliteError `invalid_argument` without images, `not_found` when a blob is missing, `image_invalid`
 */
export async function planArchive(blobs: BlobStore, images: readonly SavedImage[]): Promise<ArchivePlan> {
  if (images.length === 0) {
    throw new BoxliteError('invalid_argument', 'there is no image to save', { details: { field: 'images' } });
  }
  const planned = new Map<Digest, PlannedBlob>();
  const index: IndexEntry[] = [];
  const docker = new Map<Digest, DockerEntry>();
  for (const image of images) {
    const parts = await readImage(blobs, image);
    for (const blob of parts.blobs) planned.set(blob.digest, blob);
    const names = (image.names ?? [image.reference]).flatMap((name) => taggedName(name) ?? []);
    const missing = (entry: IndexEntry) => !index.some((known) => JSON.stringify(known) === JSON.stringify(entry));
    index.push(...indexEntries(parts.entry, names).filter(missing));
    const known = docker.get(image.manifestDigest) ?? { ...parts.docker, RepoTags: [] };
    docker.set(image.manifestDigest, known);
    known.RepoTags.push(...names.map(dockerName).filter((name) => !known.RepoTags.includes(name)));
  }
  return {
    documents: [
      ['oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })],
      ['index.json', JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: index })],
      ['manifest.json', JSON.stringify([...docker.values()])],
    ],
    blobs: [...planned.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
  };
}

/** Where a blob is in an archive. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

async function readImage(blobs: BlobStore, image: SavedImage) {
  const document = async (kind: 'manifests' | 'configs', digest: Digest) => {
    const bytes = await blobs.readDocument(kind, digest);
    if (bytes === undefined) throw missingBlob(image, digest);
    return bytes;
  };
  const what = `manifest ${image.manifestDigest} of image "${image.reference}"`;
  const manifestBytes = await document('manifests', image.manifestDigest);
  const parsed = parseManifestDocument(manifestBytes, undefined, what);
  if (parsed.kind === 'index') {
    throw new BoxliteError('image_invalid', `${escapeText(what, 400)} is an index`, {
      hint: 'save the image under the manifest it was resolved to',
      details: { field: 'manifestDigest' },
    });
  }
  const { config, layers, mediaType = MEDIA_TYPE.ociManifest } = parsed.manifest;
  const configBytes = await document('configs', config.digest);
  const { platform } = parseImageConfig(configBytes, `configuration ${config.digest} of image "${image.reference}"`);
  const planned: PlannedBlob[] = [
    { kind: 'manifests', digest: image.manifestDigest, size: manifestBytes.byteLength },
    { kind: 'configs', digest: config.digest, size: configBytes.byteLength },
  ];
  for (const { digest, size } of layers) {
    if (!(await blobs.has('layers', { digest, size }))) throw missingBlob(image, digest);
    planned.push({ kind: 'layers', digest, size });
  }
  const entry: IndexEntry = { mediaType, digest: image.manifestDigest, size: manifestBytes.byteLength, platform };
  const docker = { Config: blobName(config.digest), Layers: layers.map(({ digest }) => blobName(digest)) };
  return { blobs: planned, entry, docker };
}

/** As Docker writes it: an entry a name, with the whole name and the tag. */
function indexEntries(entry: IndexEntry, names: readonly TaggedName[]): readonly IndexEntry[] {
  if (names.length === 0) return [entry];
  const { platform, ...descriptor } = entry;
  return names.map(({ name, tag }) => ({
    ...descriptor,
    annotations: { [IMAGE_NAME]: name, [REF_NAME]: tag },
    platform,
  }));
}

function missingBlob(image: SavedImage, digest: Digest): BoxliteError {
  return new BoxliteError(
    'not_found',
    escapeText(`image "${image.reference}" is not whole: blob ${digest} is missing`, 600),
    {
      hint: 'pull the image again',
      details: { digest, image: image.reference },
    },
  );
}
