import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistryImageSource } from '../src/index.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { imageFiles, memoryImageStore, temporaryHome } from './temporary-home.js';

const isLayer = (request: IncomingMessage, body: Buffer) =>
  request.url?.includes('/blobs/') === true && body.length > 50_000;

describe('layers', () => {
  it.each([
    [undefined, 3],
    [1, 1],
    [5, 5],
  ])('with parallelLayers %s are fetched %i at a time, over all pulls of a source', async (parallelLayers, bound) => {
    const samples = await Promise.all([
      sampleImage({ layers: 12, layerBytes: 60_000 }),
      sampleImage({ layers: 4, layerBytes: 60_000 }),
    ]);
    const state = { open: 0, most: 0, left: 16 };
    const held: (() => void)[] = [];
    let releasing = false;
    const releaseAll = async (host: string | undefined) => {
      releasing = true;
      // Whoever would ask for more than the bound has sent it by the time these are answered.
      for (let round = 0; round < 5; round += 1) await (await fetch(`http://${host}/v2/`)).arrayBuffer();
      releasing = false;
      state.left -= held.length;
      for (const release of held.splice(0)) release();
    };
    const hosts = await Promise.all(
      samples.map((sample) =>
        startScriptedRegistry(
          serveLayout(sample.directory, (request, response, body) => {
            if (!isLayer(request, body)) return false;
            state.open += 1;
            state.most = Math.max(state.most, state.open);
            // All that may be under way are, before one of them ends.
            held.push(() => {
              state.open -= 1;
              response.end(body);
            });
            if (!releasing && held.length >= Math.min(bound, state.left)) void releaseAll(request.headers.host);
            return true;
          }),
        ),
      ),
    );
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const source = createRegistryImageSource({
      blobs: await temporaryHome(),
      ...(parallelLayers === undefined ? {} : { parallelLayers }),
    });
    const pulls = Promise.all(hosts.map(({ host }) => source.resolve(`${host}/app`)));
    await pulls;
    expect(state.most).toBe(bound);
    expect(warnings).toEqual([]);
  });

  it.each([0, -1, 1.5, 65, Number.NaN])('cannot be fetched %s at a time', (parallelLayers) => {
    expect(() => createRegistryImageSource({ blobs: {} as never, parallelLayers })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'parallelLayers' } }),
    );
  });
});

describe('a pull that is cancelled', () => {
  /** Stops answering at one place. */
  const hangAt: Record<string, (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean> = {
    'the manifest': (request) => request.url?.includes('/manifests/') === true,
    'the configuration': (request, _response, body) =>
      request.url?.includes('/blobs/') === true && !isLayer(request, body),
    'a layer, before its first byte': (request, _response, body) => isLayer(request, body),
    'a layer, in the middle': (request, response, body) => {
      if (!isLayer(request, body)) return false;
      response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 30_000));
      return true;
    },
    'the pause before another attempt': (_request, response) => {
      response.writeHead(503, { 'retry-after': '20' }).end();
      return true;
    },
    'the token server': (request, response) => {
      if (request.url?.startsWith('/token') === true) return true;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
      return false;
    },
  };

  it.each(Object.keys(hangAt))('at %s ends at once, leaves nothing half, and can be done again', async (place) => {
    const [home, store, sample] = [
      await temporaryHome(),
      memoryImageStore(),
      await sampleImage({ layers: 4, layerBytes: 60_000 }),
    ];
    const controller = new AbortController();
    let hangs = true;
    const serve = serveLayout(sample.directory, (request, response, body) => {
      if (!hangs || !hangAt[place]!(request, response, body)) return false;
      setImmediate(() => controller.abort());
      return true;
    });
    const server = await startScriptedRegistry((request, response) => {
      if (hangs && place === 'the token server') {
        if (hangAt[place]!(request, response, Buffer.alloc(0))) setImmediate(() => controller.abort());
      } else serve(request, response);
    });
    const source = createRegistryImageSource({ blobs: home, store, dockerConfig: false });
    const name = `${server.host}/app:v1`;
    const startedAt = performance.now();
    await expect(source.resolve(name, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    const files = await imageFiles(home);
    expect(files).toMatchObject({ tmp: [], layers: [] });
    expect(store.records.size).toBe(0);
    hangs = false;
    expect((await source.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    expect((await imageFiles(home)).tmp).toEqual([]);
  });
});
