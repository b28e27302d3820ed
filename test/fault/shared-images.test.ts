import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectBlobs, holdImage, loadImages, removeImage } from '@boxlite/images';
import { socketLinkParent } from '@boxlite/layout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oldDockerArchive, writeArchive } from '../../packages/images/test/archive-samples.js';
import { makeTar } from '../../packages/images/test/make-tar.js';
import { sampleImage } from '../../packages/images/test/sample-image.js';
import { serveLayout, startScriptedRegistry } from '../../packages/images/test/scripted-registry.js';
import { imageFiles } from '../../packages/images/test/temporary-home.js';
import { patience } from '../support/patience.js';
import { bundleFixture } from './support/bundle-fixture.js';
import { orFailure, sharedHome, startPull } from './support/shared-images.js';

let programs: string;
let program: string;

beforeAll(async () => {
  programs = await mkdtemp(join(tmpdir(), 'boxlite-programs-'));
  program = await bundleFixture('pull', programs);
});
afterAll(() => rm(programs, { recursive: true, force: true }));

/** Resolves when something has happened a number of times. */
function counter() {
  let count = 0;
  const waiting = new Set<{ until: number; resolve: () => void }>();
  return {
    add() {
      count += 1;
      for (const waiter of waiting) if (count >= waiter.until) waiter.resolve();
    },
    reached: (until: number) =>
      new Promise<void>((resolve) => {
        if (count >= until) resolve();
        else waiting.add({ until, resolve });
      }),
  };
}

/** A registry whose layers can be held back. */
async function heldRegistry(layers = 2) {
  const sample = await sampleImage({ layers, layerBytes: 2_000_000 });
  const manifests = counter();
  const layerRequests = counter();
  const held: { response: ServerResponse; body: Buffer }[] = [];
  let holding = true;
  const registry = await startScriptedRegistry(
    serveLayout(sample.directory, (request, response, body) => {
      if (request.url?.includes('/manifests/')) manifests.add();
      if (body.length < 1_000_000) return false;
      layerRequests.add();
      if (!holding) return false;
      held.push({ response, body });
      return true;
    }),
  );
  return {
    sample,
    manifests,
    layerRequests,
    held,
    name: `${registry.host}/app:v1`,
    blobRequests: () => registry.requests.map(({ path }) => path).filter((path) => path.includes('/blobs/')),
    release() {
      holding = false;
      for (const { response, body } of held) response.end(body);
    },
  };
}

const isAlone = (requests: readonly string[]) => new Set(requests).size === requests.length;

describe('processes that share a home', () => {
  it('fetch each blob of an image once, eight of them at the same time', { timeout: patience(120_000) }, async () => {
    const [{ home, state }, registry] = [await sharedHome(), await heldRegistry()];
    const pulls = Array.from({ length: 8 }, () => startPull(program, home, registry.name));
    await orFailure(Promise.all([registry.manifests.reached(8), registry.layerRequests.reached(2)]), pulls);
    registry.release();
    const digests = await Promise.all(pulls.map(({ done }) => done));
    expect(new Set(digests)).toEqual(new Set([registry.sample.manifestDigest]));
    // Two layers and a configuration.
    expect(registry.blobRequests()).toHaveLength(3);
    expect(isAlone(registry.blobRequests())).toBe(true);
    const files = await imageFiles(home);
    expect(files).toMatchObject({ tmp: [], layers: [expect.any(String), expect.any(String)] });
    expect(await state.leases.list('image-')).toEqual([]);
    for (const { child } of pulls) expect(await sockets(child.pid)).toEqual([]);
  });

  it('take over from one that is killed in the middle of a transfer, and nothing half stays', {
    timeout: patience(120_000),
  }, async () => {
    const [{ home, state }, registry] = [await sharedHome(), await heldRegistry(1)];
    const first = startPull(program, home, registry.name);
    await orFailure(registry.layerRequests.reached(1), [first]);
    const [transfer] = registry.held;
    transfer!.response.writeHead(200, { 'content-length': transfer!.body.length });
    await new Promise<void>((resolve) =>
      transfer!.response.write(transfer!.body.subarray(0, 1_500_000), () => resolve()),
    );
    const others = Array.from({ length: 4 }, () => startPull(program, home, registry.name));
    await orFailure(registry.manifests.reached(5), others);
    expect(registry.blobRequests().filter((path) => path === registry.blobRequests().at(-1))).toHaveLength(1);
    registry.held.length = 0;
    const gone = once(transfer!.response, 'close');
    registry.release();
    await first.kill();
    await gone;
    const digests = await Promise.all(others.map(({ done }) => done));
    expect(new Set(digests)).toEqual(new Set([registry.sample.manifestDigest]));
    for (const { child } of [first, ...others]) expect(await sockets(child.pid)).toEqual([]);
    const layer = registry.blobRequests().at(-1);
    expect(registry.blobRequests().filter((path) => path === layer)).toHaveLength(2);
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [expect.any(String)] });
    expect(await state.leases.list('image-')).toEqual([]);
  });

  it('keep what one of them is pulling from the garbage collection of another', async () => {
    const [{ home, cache }, registry] = [await sharedHome(), await heldRegistry()];
    const pull = startPull(program, home, registry.name);
    await orFailure(registry.layerRequests.reached(2), [pull]);
    const during = await collectBlobs(cache());
    expect(during.removed).toEqual([]);
    expect(during.inUse.map(({ blob }) => blob.kind).sort()).toEqual(['configs', 'manifests']);
    expect(during.inUse[0]!.holders).toContain(`process ${pull.child.pid} (pulling ${registry.name})`);
    registry.release();
    await pull.done;
    expect(await collectBlobs(cache())).toEqual({ removed: [], freedBytes: 0, inUse: [] });
    const records = await cache().store.list();
    await cache().store.delete(records[0]!.reference);
    expect((await collectBlobs(cache())).removed).toHaveLength(4);
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });

  it('leave the blobs of an image that one of them holds for a start, and collect them afterwards', async () => {
    const { state, cache: cacheOf } = await sharedHome();
    const cache = cacheOf();
    const [shared, own, other] = await Promise.all(
      ['shared', 'own', 'other'].map((body) => makeTar([{ name: 'file', body }])),
    );
    const archive = await oldDockerArchive([
      { tars: [shared!, own!], tags: ['app:v1'] },
      { tars: [shared!, other!], tags: ['other:v1'] },
    ]);
    const loaded = await loadImages(cache, await writeArchive(archive));
    expect(await state.leases.list('image-')).toEqual([]);
    const [, { image }] = loaded as [unknown, (typeof loaded)[0]];
    {
      await using _held = await holdImage(cache.blobs, image, 'starting box b1');
      for (const record of await cache.store.list()) await removeImage(cache, record.reference);
      // Another process sees the same; here another store over the same leases.
      const collected = await collectBlobs(cacheOf());
      expect(collected.removed).toHaveLength(3);
      expect(collected.inUse).toHaveLength(4);
      expect(collected.inUse[0]!.holders).toContain('starting box b1');
      for (const { digest, size } of image.layers) expect(await cache.blobs.has('layers', { digest, size })).toBe(true);
    }
    expect((await collectBlobs(cacheOf())).removed).toHaveLength(4);
    expect(await state.leases.list('image-')).toEqual([]);
  });
});

/** The sockets a process left. */
async function sockets(pid: number | undefined): Promise<readonly string[]> {
  const names = await readdir(socketLinkParent(process.getuid?.() ?? 0));
  return names.filter((name) => name.startsWith(`${pid}-`));
}
