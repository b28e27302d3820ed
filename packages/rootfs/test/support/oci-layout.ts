import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import {
  BoxliteError,
  type Digest,
  digestHex,
  type ImageLayer,
  type ImageSource,
  type ResolvedImage,
} from '@boxlite/core';

interface Descriptor {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

/** Reads the only image of an OCI layout, as much of it as these tests need. */
export async function readOciLayout(
  layout: string,
): Promise<{ image: ResolvedImage; source: Pick<ImageSource, 'openLayer'> }> {
  const blob = (digest: Digest) => join(layout, 'blobs/sha256', digestHex(digest));
  const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const index = (await json(join(layout, 'index.json'))) as { manifests: Descriptor[] };
  const manifestDigest = index.manifests[0]!.digest;
  const manifest = (await json(blob(manifestDigest))) as { config: Descriptor; layers: Descriptor[] };
  const config = (await json(blob(manifest.config.digest))) as { rootfs: { diff_ids: Digest[] }; architecture: string };
  const layers = manifest.layers.map((layer, at): ImageLayer => ({ ...layer, diffId: config.rootfs.diff_ids[at]! }));
  const image: ResolvedImage = {
    reference: layout,
    manifestDigest,
    configDigest: manifest.config.digest,
    platform: { os: 'linux', architecture: config.architecture },
    config: { entrypoint: [], cmd: [], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {} },
    layers,
  };
  return { image, source: { openLayer: (_image, layer) => openLayer(blob(layer.digest), layer) } };
}

async function* openLayer(path: string, layer: ImageLayer): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const file = createReadStream(path);
  const isCompressed = layer.mediaType.endsWith('gzip');
  for await (const chunk of isCompressed ? file.pipe(createGunzip()) : file) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  if (`sha256:${hash.digest('hex')}` !== layer.diffId) {
    throw new BoxliteError('digest_mismatch', `layer ${layer.digest} has other content than ${layer.diffId}`);
  }
}
