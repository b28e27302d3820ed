import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource } from '../src/index.js';
import { hash, hashes } from './collect.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { imageFiles, temporaryHome } from './temporary-home.js';

const LAYER_BYTES = 600_000;

interface LayerRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The layer as it should be. */
  readonly body: Buffer;
  /** How many requests for this layer there were before. */
  readonly before: number;
  /** What is asked for: 0 without a range. */
  readonly start: number;
}

/** A pull from a registry that answers requests for layers as `serve` does, and others well. */
async function pullOf(layers: number, serve: (layer: LayerRequest) => void) {
  const [home, sample] = [await temporaryHome(), await sampleImage({ layers, layerBytes: LAYER_BYTES })];
  const asked = new Map<string, string[]>();
  const server = await startScriptedRegistry(
    serveLayout(sample.directory, (request, response, body) => {
      if (!request.url?.includes('/blobs/') || body.length < LAYER_BYTES) return false;
      const ranges = asked.get(request.url) ?? [];
      asked.set(request.url, ranges);
      const range = request.headers.range ?? 'all';
      const start = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
      serve({ request, response, body, before: ranges.length, start });
      ranges.push(range);
      return true;
    }),
  );
  const source = createRegistryImageSource({ blobs: home, dockerConfig: false, parallelLayers: Math.max(3, layers) });
  const progress: ImageProgress[] = [];
  const pull = () => source.resolve(`${server.host}/app:v1`, { onProgress: (event) => progress.push(event) });
  const expectWhole = async () => {
    const image = await pull();
    expect(await hashes(image.layers.map((layer) => source.openLayer(image, layer)))).toEqual(sample.tars.map(hash));
    expect((await imageFiles(home)).tmp).toEqual([]);
  };
  /** What was asked for of the layers, one list a layer. */
  const ranges = () => [...asked.values()];
  return { home, sample, pull, expectWhole, ranges, progress };
}

const part = (body: Buffer, start: number, end = body.length) => ({
  'content-length': end - start,
  'content-range': `bytes ${start}-${end - 1}/${body.length}`,
});

/** Sends some bytes of a longer answer, and breaks the connection. */
function cut({ response, body, start }: LayerRequest, upTo: number): void {
  if (start > 0) response.writeHead(206, part(body, start));
  else response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(start, upTo), () => response.destroy());
}

/** The rest of a layer. */
function rest({ response, body, start }: LayerRequest): void {
  response.writeHead(start > 0 ? 206 : 200, start > 0 ? part(body, start) : {}).end(body.subarray(start));
}

/** Numbers a seed repeats. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

describe('a transfer that breaks', () => {
  it.each([1, 2, 3])('at random points (seed %i) is gone on with where it stopped, twice a layer', async (seed) => {
    const random = seeded(seed);
    const cuts = new Map<string, number>();
    const { expectWhole, ranges, progress } = await pullOf(6, (layer) => {
      const { request, body, before, start } = layer;
      const path = String(request.url);
      expect(start).toBeLessThanOrEqual(cuts.get(path) ?? 0);
      if (before === 2) return rest(layer);
      const upTo = start + Math.floor(random() * (body.length - start));
      cuts.set(path, upTo);
      cut(layer, upTo);
    });
    await expectWhole();
    for (const layer of ranges()) {
      expect(layer).toHaveLength(3);
      expect(layer[0]).toBe('all');
    }
    // Six layers, cut anywhere: most had something to go on with.
    expect(
      ranges()
        .flat()
        .filter((range) => range !== 'all').length,
    ).toBeGreaterThan(4);
    const retries = progress.filter(({ kind }) => kind === 'retry');
    expect(retries).toHaveLength(12);
    expect(retries[0]).toMatchObject({
      digest: expect.stringMatching(/^sha256:/),
      message: expect.stringMatching(/; trying again in 0\.25 s, attempt 2 of 3$/),
    });
  });

  it('starts over when the registry ignores the range', async () => {
    const { expectWhole, ranges, progress } = await pullOf(1, (layer) => {
      if (layer.before === 0) cut(layer, 200_000);
      else layer.response.end(layer.body);
    });
    await expectWhole();
    expect(ranges()).toEqual([['all', expect.stringMatching(/^bytes=\d+-$/)]]);
    const downloads = progress.flatMap(({ kind, bytes }) => (kind === 'download' ? [bytes] : []));
    expect(downloads.at(-1)).toBeGreaterThan(LAYER_BYTES);
    expect(progress.at(-1)).toEqual({ kind: 'done' });
  });

  it.each<[string, (layer: LayerRequest) => void]>([
    [
      'another range',
      ({ response, body, start }) => response.writeHead(206, part(body, start - 1)).end(body.subarray(start - 1)),
    ],
    [
      'a range of another size',
      ({ response, body, start }) =>
        response
          .writeHead(206, { 'content-range': `bytes ${start}-${body.length}/${body.length + 1}` })
          .end(body.subarray(start)),
    ],
    ['a range without saying which', ({ response, body, start }) => response.writeHead(206).end(body.subarray(start))],
    ['that there is no such range', ({ response }) => response.writeHead(416).end()],
  ])('asks for all of it when the registry answers %s', async (_title, answer) => {
    const { expectWhole, ranges } = await pullOf(1, (layer) => {
      if (layer.before === 0) cut(layer, 300_000);
      else if (layer.before === 1) answer(layer);
      else rest(layer);
    });
    await expectWhole();
    expect(ranges()).toEqual([['all', expect.stringMatching(/^bytes=\d+-$/), 'all']]);
  });

  it('goes on once more when the registry gives less of a range than it was asked for', async () => {
    const { expectWhole, ranges } = await pullOf(1, (layer) => {
      const { before, response, body, start } = layer;
      if (before === 0) return cut(layer, 300_000);
      if (before === 2) return rest(layer);
      response.writeHead(206, part(body, start, start + 1000)).end(body.subarray(start, start + 1000));
    });
    await expectWhole();
    const [layer] = ranges();
    const starts = layer!.slice(1).map((range) => Number(/\d+/.exec(range)?.[0]));
    expect(starts[1]! - starts[0]!).toBe(1000);
  });

  it('to a registry whose content (and ETag) changed meanwhile is started over, and verified', async () => {
    const { expectWhole, ranges } = await pullOf(1, (layer) => {
      const { before, response, body, start } = layer;
      if (before === 0) {
        response.setHeader('etag', '"one"');
        return cut(layer, 300_000);
      }
      response.setHeader('etag', '"two"');
      if (before === 2) return rest(layer);
      response.writeHead(206, part(body, start)).end(Buffer.alloc(body.length - start, 7));
    });
    await expectWhole();
    expect(ranges()).toEqual([['all', expect.stringMatching(/^bytes=\d+-$/), 'all']]);
  });

  it('to a registry whose content stays another ends as digest_mismatch, with nothing left behind', async () => {
    const { pull, home, ranges } = await pullOf(1, (layer) => {
      const { before, response, body, start } = layer;
      if (before === 0) return cut(layer, 300_000);
      const other = Buffer.alloc(body.length - start, 7);
      response.writeHead(start > 0 ? 206 : 200, start > 0 ? part(body, start) : {}).end(other);
    });
    await expect(pull()).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(ranges()[0]).toHaveLength(3);
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [] });
  });

  it('again and again is given up after three attempts, with nothing left behind', async () => {
    const { pull, home, ranges } = await pullOf(1, (layer) => cut(layer, layer.start + 1000));
    await expect(pull()).rejects.toMatchObject({ code: 'network_unavailable' });
    expect(ranges()[0]).toHaveLength(3);
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [] });
  });
});

describe('a registry that answers a request for all with a part', () => {
  it('is not believed', async () => {
    const { pull, home } = await pullOf(1, ({ response, body }) => response.writeHead(206, part(body, 0)).end(body));
    await expect(pull()).rejects.toMatchObject({
      code: 'network_unavailable',
      message: expect.stringContaining('another range'),
    });
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [] });
  });
});

describe('a registry that asks to be left alone for a while', () => {
  it.each([429, 503])('(HTTP %i) is asked again no sooner than it said', async (status) => {
    const times: number[] = [];
    const { expectWhole } = await pullOf(1, (layer) => {
      times.push(performance.now());
      if (layer.before > 0) return rest(layer);
      layer.response.writeHead(status, { 'retry-after': '1' }).end();
    });
    await expectWhole();
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
  });

  it('for longer than anybody waits is not asked again, and the error says when to', async () => {
    const { pull, ranges } = await pullOf(1, ({ response }) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
    });
    await expect(pull()).rejects.toMatchObject({
      code: 'resource_exhausted',
      details: { status: 429, retryAfterSeconds: 3600 },
      hint: 'try again in 3600 s, or give credentials for this registry',
    });
    expect(ranges()[0]).toHaveLength(1);
  });
});
