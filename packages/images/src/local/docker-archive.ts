import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type Digest, digestHex, throwIfAborted } from '@boxlite/core';
import * as z from 'zod';
import { openRegularFile, readSmallFile } from '../blobs/open-regular-file.js';
import { readFileChunks } from '../blobs/read-file-chunks.js';
import { sha256 } from '../blobs/sha256.js';
import { parseImageConfig } from '../documents/image-config.js';
import type { Descriptor, IndexEntry } from '../documents/image-documents.js';
import { LAYER_TYPE, MEDIA_TYPE } from '../documents/media-types.js';
import { invalidDocument, MAX_DOCUMENT_BYTES, parseDocument } from '../documents/parse-document.js';
import { decodeLayer } from '../layers/decode-layer.js';
import { digestMismatch } from '../layers/digest-mismatch.js';
import { SNIFF_BYTES, sniffCompression } from '../layers/sniff-compression.js';
import type { ArchiveFile, ArchiveFiles } from './archive-files.js';
import { finishLayout } from './finish-layout.js';
import { canonicalName, hasDigest, IMAGE_NAME, REF_NAME } from './image-names.js';

// As in the documents of a layout.
const MAX_IMAGES = 4096;
const MAX_LAYERS = 1024;
const MAX_TAGS = 1024;
/** Of all images together, each time one is named: a small manifest.json could have us read one large configuration for ever. */
const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

const manifestSchema = z
  .array(
    z.object({
      Config: z.string().min(1).max(1024),
      RepoTags: z.array(z.string().max(1024)).max(MAX_TAGS).nullish(),
      Layers: z.array(z.string().min(1).max(1024)).max(MAX_LAYERS),
    }),
  )
  .max(MAX_IMAGES);

type ArchivedImage = z.output<typeof manifestSchema>[number];

export interface ConvertDockerArchiveOptions {
  /** Where the layout is to be; `blobs/sha256` exists, on the file system of the staged files. */
  readonly directory: string;
  /** Names the archive, for errors. */
  readonly what: string;
  readonly maxLayerBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an OCI layout of what `docker save` wrote before Docker 25 (moby `image/spec/v1.2.md`): `manifest.json` names configurations and layers, there are
 * no manifests. The configurations keep their bytes, so image ids stay; each layer must be the diff id its configuration names.
 *
 * @throws BoxliteError `image_invalid` naming the field, `digest_mismatch`, `resource_exhausted`, `unsupported` for archives of Docker before 1.10
 */
export async function convertDockerArchive(files: ArchiveFiles, options: ConvertDockerArchiveOptions): Promise<void> {
  const { directory, what } = options;
  const manifest = await readDocument(files, 'manifest.json', what);
  if (manifest === undefined) throw noImages(files, what);
  const images = parseDocument(manifestSchema, manifest, `manifest.json of ${what}`);
  const converter = new Converter(files, options);
  const entries: IndexEntry[] = [];
  for (const [index, image] of images.entries()) entries.push(...(await converter.convert(image, `[${index}]`)));
  await finishLayout(
    directory,
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: entries }),
  );
}

class Converter {
  private readonly layers = new Map<string, Descriptor>();
  private configBytes = 0;

  constructor(
    private readonly files: ArchiveFiles,
    private readonly options: ConvertDockerArchiveOptions,
  ) {}

  async convert(image: ArchivedImage, field: string): Promise<readonly IndexEntry[]> {
    const { what, signal } = this.options;
    throwIfAborted(signal, `reading ${what}`);
    const configBytes = await readDocument(this.files, image.Config, what);
    if (configBytes === undefined) throw this.missing(image.Config, `${field}.Config`);
    this.configBytes += configBytes.byteLength;
    if (this.configBytes > MAX_CONFIG_BYTES) {
      throw invalidDocument(what, `its configurations are more than ${MAX_CONFIG_BYTES} bytes`);
    }
    const config = await this.writeBlob(configBytes);
    const [named] = /^[0-9a-f]{64}(?=\.json$)/.exec(image.Config) ?? [];
    if (named !== undefined && config.digest !== `sha256:${named}`) {
      throw new BoxliteError('digest_mismatch', `configuration ${named} of ${what} is ${config.digest}`, {
        hint: 'the archive is damaged: save the image again',
      });
    }
    const { diffIds, platform } = parseImageConfig(configBytes, `configuration ${config.digest} of ${what}`);
    if (diffIds.length !== image.Layers.length) {
      throw invalidDocument(
        `manifest.json of ${what}`,
        `${field}.Layers: ${image.Layers.length} for ${diffIds.length} diff ids`,
        `${field}.Layers`,
      );
    }
    const layers: Descriptor[] = [];
    for (const [index, diffId] of diffIds.entries()) {
      layers.push(await this.layer(image.Layers[index] ?? '', diffId, `${field}.Layers[${index}]`));
    }
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: { mediaType: MEDIA_TYPE.ociConfig, ...config },
      layers,
    };
    const entry = { mediaType: MEDIA_TYPE.ociManifest, ...(await this.writeBlob(JSON.stringify(document))), platform };
    const names = (image.RepoTags ?? []).map((tag) => this.nameOf(tag, `${field}.RepoTags`));
    if (names.length === 0) return [entry];
    return names.map((annotations) => ({ ...entry, annotations }));
  }

  private nameOf(tag: string, field: string): Record<string, string> {
    const name = canonicalName(tag);
    if (name === undefined || hasDigest(name)) {
      throw invalidDocument(
        `manifest.json of ${this.options.what}`,
        `${field}: ${JSON.stringify(tag)} is no name with a tag`,
        field,
      );
    }
    return { [IMAGE_NAME]: name, [REF_NAME]: name.slice(name.lastIndexOf(':') + 1) };
  }

  /** Moves a layer to where the layout has it, once its bytes are known to be the diff id. */
  private async layer(name: string, diffId: Digest, field: string): Promise<Descriptor> {
    const file = this.files.find(name);
    if (file === undefined) throw this.missing(name, field);
    const key = `${file.digest} ${diffId}`;
    const known = this.layers.get(key);
    if (known !== undefined) return known;
    const target = this.blobPath(file.digest);
    const moved = [...this.layers.values()].some(({ digest }) => digest === file.digest);
    const mediaType = await this.verify(moved ? { ...file, path: target } : file, diffId);
    if (!moved) await rename(file.path, target);
    const descriptor = { mediaType, digest: file.digest, size: file.size };
    this.layers.set(key, descriptor);
    return descriptor;
  }

  /** @returns the media type */
  private async verify(file: ArchiveFile, diffId: Digest): Promise<string> {
    const compression = await compressionOf(file);
    const mediaType = LAYER_TYPE[compression === 'gzip' || compression === 'zstd' ? compression : 'none'];
    const layer = { digest: file.digest, diffId, mediaType, size: file.size };
    if (compression === 'none') {
      if (file.digest !== diffId) throw digestMismatch(layer, `it is not the diff id ${diffId}`);
      return mediaType;
    }
    const { maxLayerBytes, signal } = this.options;
    const decoding = { maxLayerBytes, verifyDigest: false, ...(signal === undefined ? {} : { signal }) };
    for await (const _chunk of decodeLayer(chunksOf(file, signal), layer, decoding));
    return mediaType;
  }

  private async writeBlob(bytes: Uint8Array | string): Promise<{ readonly digest: Digest; readonly size: number }> {
    const digest = sha256(bytes);
    await writeFile(this.blobPath(digest), bytes, { mode: 0o600 });
    return { digest, size: Buffer.byteLength(bytes) };
  }

  private blobPath(digest: Digest): string {
    return join(this.options.directory, 'blobs', 'sha256', digestHex(digest));
  }

  private missing(name: string, field: string): BoxliteError {
    const what = `manifest.json of ${this.options.what}`;
    return invalidDocument(what, `${field}: the archive has no file ${JSON.stringify(name)}`, field);
  }
}

async function readDocument(files: ArchiveFiles, name: string, what: string): Promise<Uint8Array | undefined> {
  const file = files.find(name);
  if (file === undefined) return undefined;
  if (file.size > MAX_DOCUMENT_BYTES) {
    throw invalidDocument(what, `${JSON.stringify(name)} is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  }
  return readSmallFile(file.path, MAX_DOCUMENT_BYTES, `${JSON.stringify(name)} of ${what}`);
}

async function compressionOf(file: ArchiveFile): Promise<ReturnType<typeof sniffCompression>> {
  for await (const chunk of chunksOf(file)) return sniffCompression(chunk.subarray(0, SNIFF_BYTES));
  return 'none';
}

async function* chunksOf(file: ArchiveFile, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const opened = await openRegularFile(file.path, 'a layer of an archive');
  if (opened !== undefined) yield* readFileChunks(opened.handle, signal);
}

function noImages(files: ArchiveFiles, what: string): BoxliteError {
  const details = { field: 'image' };
  if (files.has('repositories')) {
    return new BoxliteError('unsupported', `${what} was saved by Docker before 1.10: it has no manifest.json`, {
      hint: 'load it into Docker 1.10 or later and save it again',
      details,
    });
  }
  return new BoxliteError(
    'image_invalid',
    `${what} holds no image: neither oci-layout and index.json nor manifest.json`,
    {
      hint: 'make one with: docker save, or skopeo copy <image> oci-archive:FILE',
      details,
    },
  );
}
