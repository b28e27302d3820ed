import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource } from '../src/index.js';
import { collect, hash } from './collect.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { imageFiles, temporaryHome } from './temporary-home.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const sha256 = (text: string | Buffer) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A source over an empty home, and a pull of `app:v1` from a server. */
async function pullFrom(listener: RequestListener, auth = false) {
  const [server, home] = [await startScriptedRegistry(listener), await temporaryHome()];
  const settings = auth ? [{ host: server.host, auth: { bearerToken: 'tok-secret' } }] : [];
  const source = createRegistryImageSource({
    blobs: home,
    registries: settings,
    timeouts: { headersMs: 1000, idleMs: 1000 },
    dockerConfig: false,
  });
  return { ...server, home, source, pull: () => source.resolve(`${server.host}/app:v1`) };
}

/** A manifest served as JSON, whatever it is. */
const serveManifest =
  (document: unknown, contentType = MANIFEST): RequestListener =>
  (_request, response) => {
    const body = typeof document === 'string' ? document : JSON.stringify(document);
    response.setHeader('content-type', contentType).end(body);
  };

async function sampleManifest() {
  const sample = await sampleImage({ layers: 1 });
  const path = join(sample.directory, 'blobs/sha256', sample.manifestDigest.replace('sha256:', ''));
  return { sample, manifest: JSON.parse(await readFile(path, 'utf8')) };
}

/** How often the most frequent one is there. */
function mostOften(texts: readonly string[]): number {
  return Math.max(...texts.map((text) => texts.filter((other) => other === text).length));
}

describe('a transfer that breaks', () => {
  it('is resumed where it stopped, and the blob is whole', async () => {
    const sample = await sampleImage({ layers: 1, layerBytes: 2_000_000 });
    const ranges: (string | undefined)[] = [];
    const { pull, source, home } = await pullFrom(
      serveLayout(sample.directory, (request, response, body) => {
        if (!request.url?.includes('/blobs/') || body.length < 1_000_000) return false;
        const { range } = request.headers;
        ranges.push(range);
        const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
        response.writeHead(start > 0 ? 206 : 200, {
          'content-length': body.length - start,
          ...(start > 0 ? { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` } : {}),
        });
        if (ranges.length < 3) response.write(body.subarray(start, start + 500_000), () => response.destroy());
        else response.end(body.subarray(start));
        return true;
      }),
    );
    const image = await pull();
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1)).toEqual([expect.stringMatching(/^bytes=\d+-$/), expect.stringMatching(/^bytes=\d+-$/)]);
    expect(hash(await collect(source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('starts over when the server ignores the range, and gives up after three attempts with nothing left behind', async () => {
    const sample = await sampleImage({ layers: 1, layerBytes: 300_000 });
    let failures = 1;
    const listener = serveLayout(sample.directory, (request, response, body) => {
      if (!request.url?.includes('/blobs/') || body.length < 300_000 || failures-- <= 0) return false;
      response
        .writeHead(200, { 'content-length': body.length })
        .write(body.subarray(0, 100_000), () => response.destroy());
      return true;
    });
    const { pull, requests, home } = await pullFrom(listener);
    await pull();
    const broken = await pullFrom(listener);
    failures = 100;
    await expect(broken.pull()).rejects.toMatchObject({ code: 'network_unavailable' });
    // Whether a broken attempt had received anything to resume after is up to the network; that it was one of three is not.
    expect(mostOften(broken.requests.map(({ path }) => path))).toBe(3);
    expect(mostOften(requests.map(({ path }) => path))).toBe(2);
    for (const { tmpDir } of [home, broken.home]) expect(tmpDir).toBeTruthy();
    expect(await imageFiles(broken.home)).toMatchObject({ tmp: [], layers: [] });
  });

  it('that stalls ends after the idle time-out', async () => {
    const sample = await sampleImage({ layers: 1 });
    const { pull, home } = await pullFrom(
      serveLayout(sample.directory, (request, response, body) => {
        if (!request.url?.includes('/blobs/')) return false;
        response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 10));
        return true;
      }),
    );
    await expect(pull()).rejects.toMatchObject({
      code: 'network_unavailable',
      details: { reason: 'UND_ERR_BODY_TIMEOUT' },
    });
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [], configs: [] });
  });

  it('for a moment (HTTP 503) is tried again', async () => {
    const sample = await sampleImage({ layers: 1 });
    let failures = 2;
    const { pull } = await pullFrom(
      serveLayout(sample.directory, (_request, response) => {
        if (failures-- <= 0) return false;
        response.writeHead(503).end();
        return true;
      }),
    );
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
  });
});

describe('pulls of the same image at the same time', () => {
  it('ask the registry for each document and layer once, under whatever name the image goes', async () => {
    const sample = await sampleImage({ layers: 2 });
    const { host, source, requests } = await pullFrom(serveLayout(sample.directory));
    await Promise.all([`${host}/app`, `${host}/app:latest`, `${host}/app`].map((name) => source.resolve(name)));
    expect(requests.map(({ path }) => path)).toHaveLength(4);
    expect(new Set(requests.map(({ path }) => path)).size).toBe(4);
  });
});

describe('pulls from two registries that share a layer', () => {
  it('do not share their failures: one whose registry fails leaves the other to fetch it', async () => {
    const sample = await sampleImage({ layers: 1 });
    const isLayer = (path: string | undefined, body: Buffer) =>
      path?.includes('/blobs/') === true && body.length > 100_000;
    let fail: (() => void) | undefined;
    const second = await startScriptedRegistry(serveLayout(sample.directory));
    const first = await startScriptedRegistry(
      serveLayout(sample.directory, (request, response, body) => {
        if (!isLayer(request.url, body)) return false;
        fail = () => {
          fail = undefined;
          response.writeHead(403).end();
        };
        pullSecond();
        return true;
      }),
    );
    const source = createRegistryImageSource({ blobs: await temporaryHome(), dockerConfig: false });
    let joined: Promise<unknown> | undefined;
    const pullSecond = () => {
      joined = source.resolve(`${second.host}/app`, {
        // It has asked for the layer, which the first is fetching.
        onProgress: ({ image }) => {
          if (image !== undefined) setImmediate(() => fail?.());
        },
      });
    };
    await expect(source.resolve(`${first.host}/app`)).rejects.toMatchObject({ code: 'image_unauthorized' });
    expect(await joined).toMatchObject({ manifestDigest: sample.manifestDigest });
  });
});

describe('a registry that sends more or other than was asked for', () => {
  it('cannot fill memory or disk: endless manifests and blobs are cut off', async () => {
    const endless: RequestListener = (_request, response) => {
      const piece = Buffer.alloc(65_536, '[');
      const write = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    };
    const manifest = await pullFrom(endless);
    await expect(manifest.pull()).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('4194304'),
    });
    const sample = await sampleImage({ layers: 1 });
    const blob = await pullFrom(
      serveLayout(sample.directory, (request, response) => {
        if (!request.url?.includes('/blobs/')) return false;
        endless(request, response);
        return true;
      }),
    );
    await expect(blob.pull()).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(await imageFiles(blob.home)).toMatchObject({ tmp: [], layers: [], configs: [] });
  });

  it('is taken by its bytes, whatever encoding it says they have', async () => {
    const sample = await sampleImage({ layers: 1 });
    const pullThrough = async (encode: (body: Buffer) => Buffer) =>
      pullFrom(
        serveLayout(sample.directory, (request, response, body) => {
          if (body.length < 100_000 || !request.url?.includes('/blobs/')) return false;
          response.writeHead(200, { 'content-encoding': 'gzip' }).end(encode(body));
          return true;
        }),
      );
    const said = await pullThrough((body) => body);
    const image = await said.pull();
    expect(hash(await collect(said.source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
    expect(new Set(said.requests.map(({ headers }) => headers['accept-encoding']))).toEqual(new Set(['identity']));
    const done = await pullThrough((body) => gzipSync(body));
    await expect(done.pull()).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect(await imageFiles(done.home)).toMatchObject({ tmp: [], layers: [] });
  });

  it('is believed by hash only: a manifest that is not the digest asked for is refused', async () => {
    const sample = await sampleImage({ layers: 1 });
    const { host, source } = await pullFrom(serveLayout(sample.directory));
    const wanted = sha256('something else');
    const server = await pullFrom(serveManifest({ schemaVersion: 2 }));
    await expect(server.source.resolve(`${server.host}/app@${wanted}`)).rejects.toMatchObject({
      code: 'digest_mismatch',
    });
    expect((await source.resolve(`${host}/app@${sample.manifestDigest}`)).manifestDigest).toBe(sample.manifestDigest);
  });

  it.each<[string, string, unknown]>([
    ['a foreign layer', 'layers.0.mediaType', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'],
    ['a non-distributable layer', 'layers.0.mediaType', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'],
    ['a layer with urls', 'layers.0.urls', ['https://elsewhere.invalid/x']],
    ['an encrypted layer', 'layers.0.mediaType', 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted'],
    ['a digest that climbs', 'layers.0.digest', 'sha256:../../../../etc/passwd'],
    ['a negative size', 'layers.0.size', -1],
    ['an absurd size', 'layers.0.size', 1e300],
    ['a configuration that is none', 'config.mediaType', 'application/vnd.cncf.helm.config.v1+json'],
    ['a configuration that is huge', 'config.size', 1e9],
    ['no layers', 'layers', undefined],
    ['an index as well', 'manifests', []],
    ['another media type', 'mediaType', 'application/vnd.oci.image.index.v1+json'],
    ['the retired schema 1', 'schemaVersion', 1],
  ])('refuses a manifest with %s, naming the field %s', async (_title, path, value) => {
    const { manifest } = await sampleManifest();
    const keys = path.split('.');
    const parent = keys.slice(0, -1).reduce((object, key) => object[key], manifest);
    parent[keys.at(-1)!] = value;
    const { pull, home } = await pullFrom(serveManifest(manifest));
    const field = path.replace('layers.0', 'layers[0]');
    await expect(pull()).rejects.toMatchObject({ code: 'image_invalid', details: { field } });
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [] });
  });

  it('refuses a manifest in which one layer has two sizes, before the layer is fetched', async () => {
    const { manifest } = await sampleManifest();
    manifest.layers.push({ ...manifest.layers[0], size: 1 });
    const { pull, requests } = await pullFrom(serveManifest(manifest));
    await expect(pull()).rejects.toMatchObject({ code: 'image_invalid', details: { field: 'layers[1].size' } });
    expect(requests).toHaveLength(1);
  });

  it.each(['[]', 'null', '{', '"x"', '\ufeff{}', `${'['.repeat(100_000)}`])(
    'refuses %.20s in the place of a manifest',
    async (body) => {
      const { pull } = await pullFrom(serveManifest(body));
      await expect(pull()).rejects.toMatchObject({ code: 'image_invalid' });
    },
  );

  it('refuses an image that is larger than its limit before a layer is fetched', async () => {
    const { manifest } = await sampleManifest();
    manifest.layers[0].size = 21 * 1024 ** 3;
    const { pull, requests } = await pullFrom(serveManifest(manifest));
    await expect(pull()).rejects.toMatchObject({ code: 'resource_exhausted', details: { field: 'layers[0].size' } });
    expect(requests).toHaveLength(1);
  });

  it('never brings control characters to a terminal', async () => {
    const { pull } = await pullFrom((_request, response) => {
      response
        .writeHead(404)
        .end(JSON.stringify({ errors: [{ code: 'X', message: '\u001b[31mred\u202e\nand a line' }] }));
    });
    const failure = await pull().catch((reason: Error) => reason);
    expect((failure as Error).message).toMatch(/x1b/);
    expect((failure as Error).message).not.toMatch(/[\u001b\u202e\n]/);
  });
});

describe('a redirect', () => {
  const isBlob = (path: string | undefined) => path?.includes('/blobs/') === true;

  it('to a storage server is followed, and the credentials stay behind', async () => {
    const sample = await sampleImage({ layers: 1 });
    const storage = await startScriptedRegistry(serveLayout(sample.directory));
    const { pull, requests } = await pullFrom(
      serveLayout(sample.directory, (request, response) => {
        if (!isBlob(request.url)) return false;
        response.writeHead(307, { location: `http://${storage.host}${request.url}` }).end();
        return true;
      }),
      true,
    );
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
    expect(requests.every(({ headers }) => headers.authorization === 'Bearer tok-secret')).toBe(true);
    expect(storage.requests).toHaveLength(2);
    expect(storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it.each([
    ['to another host without encryption', 'http://192.0.2.1/x', /refused/],
    ['to a file', 'file:///etc/passwd', /refused/],
    ['to a URL with credentials', 'https://a:b@127.0.0.1/x', /refused/],
    ['to nowhere', '', /redirects/],
  ])('%s is refused', async (_title, location, message) => {
    const { pull } = await pullFrom((_request, response) => response.writeHead(302, { location }).end());
    await expect(pull()).rejects.toMatchObject({
      code: 'network_unavailable',
      message: expect.stringMatching(message),
    });
  });

  it('to a server that asks for credentials gets none', async () => {
    const sample = await sampleImage({ layers: 1 });
    const trap = await startScriptedRegistry((request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end(),
    );
    const server = await startScriptedRegistry(
      serveLayout(sample.directory, (request, response) => {
        if (!isBlob(request.url)) return false;
        response.writeHead(307, { location: `http://${trap.host}/blob` }).end();
        return true;
      }),
    );
    const registries = [{ host: server.host, auth: { username: 'ann', password: 'secret' } }];
    const source = createRegistryImageSource({ blobs: await temporaryHome(), registries });
    await expect(source.resolve(`${server.host}/app`)).rejects.toMatchObject({ code: 'image_unauthorized' });
    expect(trap.requests.map(({ path }) => path)).toEqual(['/blob']);
    expect(trap.requests[0]!.headers.authorization).toBeUndefined();
  });

  it('without end is refused', async () => {
    const { pull, requests } = await pullFrom((request, response) =>
      response.writeHead(302, { location: `${request.url}x` }).end(),
    );
    await expect(pull()).rejects.toMatchObject({ code: 'network_unavailable' });
    expect(requests.length).toBeLessThan(10);
  });
});

describe('a token server', () => {
  it.each([
    ['that is not encrypted and elsewhere', 'http://192.0.2.1/token'],
    ['that is a file', 'file:///etc/passwd'],
  ])('%s never gets the credentials', async (_title, realm) => {
    const home = await temporaryHome();
    const server = await startScriptedRegistry((_request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end(),
    );
    const auth = { username: 'ann', password: 'secret' };
    const source = createRegistryImageSource({ blobs: home, registries: [{ host: server.host, auth }] });
    await expect(source.resolve(`${server.host}/app`)).rejects.toMatchObject({
      code: 'network_unavailable',
      message: expect.stringContaining('token server'),
    });
    expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('that sends no usable token is reported', async () => {
    const { pull } = await pullFrom((request, response) => {
      if (request.url?.startsWith('/token')) return response.end('{"token":"a b\\nc"}');
      return response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })
        .end();
    });
    await expect(pull()).rejects.toMatchObject({ code: 'image_invalid', details: { field: 'token' } });
  });
});
