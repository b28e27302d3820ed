import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { socketLinkParent } from '@boxlite/layout';
import { beforeAll, describe, expect, it } from 'vitest';
import { collectBlobs } from '../src/index.js';
import { collect, hash } from './collect.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { bundlePullProcess, orFailure, sharedHome, startPull } from './shared-home.js';
import { imageFiles } from './temporary-home.js';

const run = promisify(execFile);
let program: string;

beforeAll(async () => {
  const bundled = await bundlePullProcess();
  program = bundled.program;
  return bundled.remove;
});

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
  it('fetch each blob of an image once, eight of them at the same time', async () => {
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

  it('take over from one that is killed in the middle of a transfer, and nothing half stays', async () => {
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
});

describe('a blob that was damaged on disk without changing its size', () => {
  async function pulledAndDamaged() {
    const [registry, sample, shared] = [await startDockerRegistry(), await sampleImage(), await sharedHome()];
    await registry.push(sample.reference, 'app:v1');
    const name = `${registry.host}/app:v1`;
    await using source = shared.source();
    const image = await source.resolve(name);
    const file = join(shared.home.layersDir, image.layers[1]!.digest.replace(':', '-'));
    const good = await readFile(file);
    const bad = Buffer.from(good);
    bad[bad.length >> 1]! ^= 1;
    await writeFile(file, bad);
    return { ...shared, registry, sample, name, image, file, good };
  }

  it('is fetched again by a pull', async () => {
    const { source, name, file, good } = await pulledAndDamaged();
    await using again = source();
    await again.resolve(name, { pull: 'always' });
    expect((await readFile(file)).equals(good)).toBe(true);
  });

  it('is fetched again while its layer is opened, and the reader gets the right bytes', async () => {
    const { source, name, file, good, sample } = await pulledAndDamaged();
    await using again = source();
    const image = await again.resolve(name);
    expect(hash(await collect(again.openLayer(image, image.layers[1]!)))).toBe(hash(sample.tars[1]!));
    expect((await readFile(file)).equals(good)).toBe(true);
  });

  it('is an error, found before the end of its stream, when the registry is not to be asked', async () => {
    const { source, name, registry } = await pulledAndDamaged();
    await using again = source();
    const image = await again.resolve(name, { pull: 'never' });
    const damage = expect.objectContaining({ code: expect.stringMatching(/digest_mismatch|layer_invalid/) });
    await expect(collect(again.openLayer(image, image.layers[1]!))).rejects.toEqual(damage);
    await registry.stop();
    // It is gone, so the image is no longer whole.
    await expect(again.resolve(name, { pull: 'never' })).rejects.toMatchObject({ code: 'image_not_found' });
  });

  it('is read from its archive again', async () => {
    const shared = await sharedHome();
    const sample = await sampleImage();
    const { createLocalImageSource } = await import('../src/index.js');
    await run('tar', ['-cf', `${sample.directory}.tar`, '-C', sample.directory, '.']);
    const image = await createLocalImageSource(shared.cache()).resolve(`oci-archive:${sample.directory}.tar`);
    const file = join(shared.home.layersDir, image.layers[0]!.digest.replace(':', '-'));
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(file, bytes);
    const source = createLocalImageSource(shared.cache());
    expect(hash(await collect(source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
  });
});

/** The sockets a process left. */
async function sockets(pid: number | undefined): Promise<readonly string[]> {
  const names = await readdir(socketLinkParent(process.getuid?.() ?? 0));
  return names.filter((name) => name.startsWith(`${pid}-`));
}
