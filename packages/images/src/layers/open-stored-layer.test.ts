import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abortedError, type Lease, type LeaseStore } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { expect, it, onTestFinished } from 'vitest';
import { BlobStore } from '../blobs/blob-store.js';
import { sha256 } from '../blobs/sha256.js';
import { openStoredLayer } from './open-stored-layer.js';

/** Another process is fetching: nobody else gets a turn. */
function leasesOfABusyHome(onAsked: () => void): LeaseStore {
  const acquire: LeaseStore['acquire'] = (entity, purpose, { signal } = {}) =>
    new Promise((resolve, reject) => {
      const release = async () => undefined;
      const lease: Lease = { entity, purpose, release, [Symbol.asyncDispose]: release };
      if (!entity.startsWith('image-fetch:')) return resolve(lease);
      signal?.addEventListener('abort', () => reject(abortedError(signal, 'waiting')));
      onAsked();
    });
  return { acquire } as LeaseStore;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of chunks);
}

it('who reads a damaged layer can give up while another process is at the blob', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-layer-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const home = createHomeLayout(join(directory, 'home'));
  await home.prepare();
  const controller = new AbortController();
  const blobs = new BlobStore(home, { leases: leasesOfABusyHome(() => controller.abort()) });
  const digest = sha256('the layer');
  await writeFile(blobs.path('layers', digest), 'damaged');
  const layer = { digest, diffId: digest, mediaType: 'application/vnd.oci.image.layer.v1.tar', size: 7 };
  const reading = openStoredLayer(blobs, layer, { maxLayerBytes: 1000, signal: controller.signal });
  await expect(collect(reading)).rejects.toMatchObject({ code: 'aborted' });
});
