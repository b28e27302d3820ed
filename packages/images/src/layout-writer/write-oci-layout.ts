import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { BoxliteError, type Digest, digestHex, type ImageConfig, type Platform, toBoxliteError } from '@boxlite/core';
import { sha256 } from '../blobs/sha256.js';
import { hostPlatform } from '../documents/choose-platform.js';
import { MEDIA_TYPE } from '../documents/media-types.js';
import { REF_NAME } from '../local/image-names.js';

export interface WriteOciLayoutOptions {
  /** Made with its parents; must not hold another layout's `index.json`. */
  readonly directory: string;
  /** Bottom first. `tar` is an uncompressed tar: its bytes, or the path of a file. */
  readonly layers: readonly { readonly tar: Uint8Array | string; readonly createdBy?: string }[];
  /** What the image runs; everything may be left out. */
  readonly config?: Partial<ImageConfig>;
  /** Name in `index.json`. Default `latest`. */
  readonly tag?: string;
  /** Default: linux and this machine's architecture. */
  readonly platform?: Platform;
}

interface WrittenBlob {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Writes an image as an OCI layout: the same input gives the same bytes. `index.json` comes last, so a layout without one is unfinished.
 *
 * @returns the digest of the manifest
 * @throws BoxliteError `storage_error`, `disk_full`
 */
export async function writeOciLayout(options: WriteOciLayoutOptions): Promise<{ readonly manifestDigest: Digest }> {
  const { directory, layers, platform = hostPlatform(), tag = 'latest' } = options;
  if (layers.length === 0) {
    throw new BoxliteError('invalid_argument', 'an image needs a layer', { details: { field: 'layers' } });
  }
  try {
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
    const diffIds: Digest[] = [];
    const layerDescriptors = [];
    for (const { tar } of layers) {
      const { diffId, digest, size } = await writeLayer(directory, tar);
      diffIds.push(diffId);
      layerDescriptors.push({ mediaType: MEDIA_TYPE.ociLayerGzip, digest, size });
    }
    const config = await writeJson(directory, {
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      config: imageConfigJson(options.config ?? {}),
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: layers.map(({ createdBy }) => ({ created_by: createdBy ?? 'boxlite' })),
    });
    const manifest = await writeJson(directory, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: { mediaType: MEDIA_TYPE.ociConfig, ...config },
      layers: layerDescriptors,
    });
    const entry = { mediaType: MEDIA_TYPE.ociManifest, ...manifest, annotations: { [REF_NAME]: tag }, platform };
    await writeFileAtomic(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await writeFileAtomic(
      join(directory, 'index.json'),
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [entry] }),
    );
    return { manifestDigest: manifest.digest };
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `writing the OCI layout ${directory}`);
  }
}

async function writeLayer(directory: string, tar: Uint8Array | string): Promise<WrittenBlob & { diffId: Digest }> {
  const staged = join(directory, 'blobs', 'sha256', 'layer.partial');
  const [diffHash, hash] = [createHash('sha256'), createHash('sha256')];
  let size = 0;
  const file = await open(staged, 'w');
  try {
    await pipeline(
      typeof tar === 'string' ? createReadStream(tar) : Readable.from([tar]),
      async function* (source: AsyncIterable<Uint8Array>) {
        for await (const chunk of source) {
          diffHash.update(chunk);
          yield chunk;
        }
      },
      // Node.js writes neither a name nor a time into the gzip header.
      createGzip({ level: 9 }),
      async (source: AsyncIterable<Uint8Array>) => {
        for await (const chunk of source) {
          hash.update(chunk);
          size += chunk.byteLength;
          await file.writeFile(chunk);
        }
      },
    );
    await file.sync();
  } catch (thrown) {
    await rm(staged, { force: true });
    throw thrown;
  } finally {
    await file.close();
  }
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  await rename(staged, join(directory, 'blobs', 'sha256', digestHex(digest)));
  return { digest, size, diffId: `sha256:${diffHash.digest('hex')}` };
}

async function writeJson(directory: string, document: unknown): Promise<WrittenBlob> {
  const text = JSON.stringify(document);
  const digest = sha256(text);
  await writeFileAtomic(join(directory, 'blobs', 'sha256', digestHex(digest)), text);
  return { digest, size: Buffer.byteLength(text) };
}

async function writeFileAtomic(path: string, text: string): Promise<void> {
  const staged = `${path}.partial`;
  const file = await open(staged, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(staged, path);
}

/** Go's field names, empty ones left out as other tools do. */
function imageConfigJson(config: Partial<ImageConfig>): Record<string, unknown> {
  const ports = config.exposedPorts?.map((port) => [port, {}] as const);
  const fields: Record<string, unknown> = {
    User: config.user,
    ExposedPorts: ports === undefined ? undefined : Object.fromEntries(ports),
    Env: config.env,
    Entrypoint: config.entrypoint,
    Cmd: config.cmd,
    WorkingDir: config.workingDir,
    Labels: config.labels,
    StopSignal: config.stopSignal,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
}
