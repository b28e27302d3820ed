import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImageSourceSetup } from '@boxlite/core/testing';
import { sha256 } from '../src/blobs/sha256.js';
import { createLocalImageSource, createRegistryImageSource } from '../src/index.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { memoryImageStore, temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

/** An image, and the same with a byte of its second layer changed. */
async function samples() {
  const { directory, tars } = await sampleImage();
  const bad = `${directory}-bad`;
  await cp(directory, bad, { recursive: true });
  const index = JSON.parse(await readFile(join(bad, 'index.json'), 'utf8'));
  const blob = (digest: string) => join(bad, 'blobs/sha256', digest.slice('sha256:'.length));
  const manifest = JSON.parse(await readFile(blob(index.manifests[0].digest), 'utf8'));
  const damagedDigest: string = manifest.layers[1].digest;
  const bytes = await readFile(blob(damagedDigest));
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(blob(damagedDigest), bytes);
  return { directory, bad, damagedDigest, damagedBytes: bytes, diffIds: tars.map((tar) => sha256(tar)) };
}

/** An image in a layout directory. */
export async function layoutSetup(): Promise<ImageSourceSetup> {
  const { directory, bad, diffIds } = await samples();
  return {
    source: createLocalImageSource(),
    image: `oci:${directory}:latest`,
    diffIds,
    missing: `oci:${directory}/none`,
    foreign: 'alpine',
    damaged: `oci:${bad}`,
  };
}

/** The same in archives. */
export async function archiveSetup(): Promise<ImageSourceSetup> {
  const { directory, bad, diffIds } = await samples();
  for (const layout of [directory, bad]) await run('tar', ['-cf', `${layout}.tar`, '-C', layout, '.']);
  return {
    source: createLocalImageSource({ blobs: await temporaryHome(), store: memoryImageStore() }),
    image: `oci-archive:${directory}.tar`,
    diffIds,
    missing: `oci-archive:${directory}.none`,
    foreign: 'alpine',
    damaged: `oci-archive:${bad}.tar`,
  };
}

/** The same in registries. */
export async function registrySetup(): Promise<ImageSourceSetup> {
  const registry = await startDockerRegistry();
  const { directory, diffIds } = await samples();
  await registry.push(`oci:${directory}`, 'app:good');
  // A second registry, because layers are shared between the images of one.
  const other = await startDockerRegistry();
  const { directory: second, damagedDigest, damagedBytes } = await samples();
  await other.push(`oci:${second}`, 'app:bad');
  await writeFile(other.blobFile(damagedDigest), damagedBytes);
  return {
    source: createRegistryImageSource({ blobs: await temporaryHome(), store: memoryImageStore() }),
    image: `${registry.host}/app:good`,
    diffIds,
    missing: `${registry.host}/app:none`,
    foreign: 'oci:/somewhere',
    damaged: `${other.host}/app:bad`,
  };
}
