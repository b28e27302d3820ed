import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type Digest, type ImageSource, type ResolvedImage } from '@boxlite/core';
import { createImageDiskCache, type ImageDiskCache } from '../../src/index.js';
import { temporaryDirectory } from './host.js';
import { MemoryLeases } from './memory-stores.js';
import { type TarEntrySpec, writeTar } from './write-tar.js';

/** The directories of a home that this package uses. */
export interface TestHome {
  readonly directory: string;
  readonly diskImagesDir: string;
  readonly basesDir: string;
  readonly boxesDir: string;
  readonly tmpDir: string;
  readonly leases: MemoryLeases;
  readonly cache: ImageDiskCache;
}

export async function createTestHome(parent?: string): Promise<TestHome> {
  const directory = parent ?? (await temporaryDirectory());
  const diskImagesDir = join(directory, 'images/disk-images');
  const tmpDir = join(directory, 'tmp');
  await Promise.all([mkdir(diskImagesDir, { recursive: true }), mkdir(tmpDir)]);
  const leases = new MemoryLeases();
  return {
    directory,
    leases,
    diskImagesDir,
    basesDir: join(directory, 'bases'),
    boxesDir: join(directory, 'boxes'),
    tmpDir,
    cache: createImageDiskCache({ diskImagesDir, tmpDir, leases }),
  };
}

/** An image in memory. `opened` counts how often a layer was read; `damage` makes the source find other content than promised. */
export function testImage(layers: readonly (readonly TarEntrySpec[])[], options: { readonly damage?: boolean } = {}) {
  const archives = layers.map((layer) => writeTar(layer));
  const digests = archives.map((archive) => `sha256:${createHash('sha256').update(archive).digest('hex')}` as Digest);
  const manifestDigest = `sha256:${createHash('sha256').update(digests.join()).digest('hex')}` as Digest;
  const image: ResolvedImage = {
    reference: 'test/image:latest',
    manifestDigest,
    configDigest: manifestDigest,
    platform: { os: 'linux', architecture: 'amd64' },
    config: { entrypoint: [], cmd: [], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {} },
    layers: digests.map((digest) => ({
      digest,
      diffId: digest,
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      size: 1,
    })),
  };
  const counts = { opened: 0 };
  const source: Pick<ImageSource, 'openLayer'> = {
    async *openLayer(_image, layer) {
      counts.opened++;
      const archive = archives[digests.indexOf(layer.digest)]!;
      for (let at = 0; at < archive.length; at += 65_536) yield archive.subarray(at, at + 65_536);
      if (options.damage === true) throw new BoxliteError('digest_mismatch', `layer ${layer.digest} has other content`);
    },
  };
  return { image, source, counts };
}
