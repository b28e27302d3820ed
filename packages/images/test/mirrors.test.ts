import type { IncomingMessage, RequestListener } from 'node:http';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource, type RegistrySettings } from '../src/index.js';
import { collect, hash } from './collect.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { type ScriptedRegistry, serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { imageFiles, temporaryHome } from './temporary-home.js';

const HUB = 'registry.invalid';
const status =
  (code: number): RequestListener =>
  (_request, response) =>
    response.writeHead(code).end();
const isLayer = (request: IncomingMessage, body: Buffer) =>
  request.url?.includes('/blobs/') === true && body.length > 100_000;

/** A source whose registry has some mirrors, and a pull of `team/app:v1` from it. */
async function mirrored(
  registry: { readonly host: string },
  mirrors: readonly string[],
  more: readonly RegistrySettings[] = [],
  settings: Partial<RegistrySettings> = {},
) {
  const home = await temporaryHome();
  const source = createRegistryImageSource({
    blobs: home,
    dockerConfig: false,
    registries: [{ host: registry.host, mirrors, ...settings }, ...more],
  });
  const progress: ImageProgress[] = [];
  const pull = () => source.resolve(`${registry.host}/team/app:v1`, { onProgress: (event) => progress.push(event) });
  return { home, source, pull, progress };
}

/** Who was asked for what, by the last part of the path's kind. */
const kinds = ({ requests }: ScriptedRegistry) => requests.map(({ path }) => /\/(manifests|blobs)\//.exec(path)?.[1]);

describe('a mirror', () => {
  it('is asked instead of its registry, and the image keeps the name of the registry', async () => {
    const [mirror, sample] = [await startDockerRegistry(), await sampleImage()];
    await mirror.push(sample.reference, 'team/app:v1');
    const { pull } = await mirrored({ host: HUB }, [mirror.host]);
    expect(await pull()).toMatchObject({ reference: `${HUB}/team/app:v1`, manifestDigest: sample.manifestDigest });
  });

  it('may keep its copies under a path of its own, and docker.io may have some too', async () => {
    const [mirror, sample] = [await startDockerRegistry(), await sampleImage({ layers: 1 })];
    await mirror.push(sample.reference, 'cache/hub/library/app:v1');
    const source = createRegistryImageSource({
      blobs: await temporaryHome(),
      dockerConfig: false,
      registries: [{ host: 'docker.io', mirrors: [`${mirror.host}/cache/hub`] }],
    });
    expect(await source.resolve('app:v1')).toMatchObject({
      reference: 'docker.io/library/app:v1',
      manifestDigest: sample.manifestDigest,
    });
  });

  it('that has not got the image is passed over: the next is asked, then the registry', async () => {
    const sample = await sampleImage({ layers: 1 });
    const [empty, failing, registry] = await Promise.all([
      startScriptedRegistry(status(404)),
      startScriptedRegistry(status(503)),
      startScriptedRegistry(serveLayout(sample.directory)),
    ]);
    const { pull, progress } = await mirrored(registry, [empty.host, failing.host]);
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
    expect(kinds(registry)).toEqual(['manifests', 'blobs', 'blobs']);
    // Not there is not broken: the first is asked again for each blob. The second is, so it is left alone.
    expect(kinds(empty)).toEqual(['manifests', 'blobs', 'blobs']);
    expect(kinds(failing)).toEqual(['manifests']);
    expect(progress.filter(({ kind }) => kind === 'retry').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(`^mirror ${failing.host} cannot help: .*503`),
    );
  });

  it.each([401, 403, 429, 500, 502])('that answers with HTTP %i is passed over', async (code) => {
    const sample = await sampleImage({ layers: 1 });
    const [mirror, registry] = [
      await startScriptedRegistry(status(code)),
      await startScriptedRegistry(serveLayout(sample.directory)),
    ];
    const { pull } = await mirrored(registry, [mirror.host]);
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
  });

  it('that is not there is passed over, and not tried again for each blob', async () => {
    const sample = await sampleImage({ layers: 3 });
    const registry = await startScriptedRegistry(serveLayout(sample.directory));
    const { pull, progress } = await mirrored(registry, ['127.0.0.1:1']);
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
    expect(progress.filter(({ kind }) => kind === 'retry')).toHaveLength(1);
  });

  it('that sends other bytes is found out by their digest, and the registry is asked', async () => {
    const sample = await sampleImage({ layers: 2 });
    const mirror = await startScriptedRegistry(
      serveLayout(sample.directory, (request, response, body) => {
        if (!isLayer(request, body)) return false;
        response.end(Buffer.alloc(body.length, 1));
        return true;
      }),
    );
    const registry = await startScriptedRegistry(serveLayout(sample.directory));
    const { pull, source, home } = await mirrored(registry, [mirror.host]);
    const image = await pull();
    for (const [index, layer] of image.layers.entries()) {
      expect(hash(await collect(source.openLayer(image, layer)))).toBe(hash(sample.tars[index]!));
    }
    expect(kinds(registry)).toEqual(['blobs', 'blobs']);
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('that breaks off a layer is gone on from by the registry, even when what it had sent was wrong', async () => {
    for (const fill of [undefined, 9]) {
      const sample = await sampleImage({ layers: 1 });
      const mirror = await startScriptedRegistry(
        serveLayout(sample.directory, (request, response, body) => {
          if (!isLayer(request, body)) return false;
          const part = fill === undefined ? body.subarray(0, 80_000) : Buffer.alloc(80_000, fill);
          response.writeHead(200, { 'content-length': body.length }).write(part, () => response.destroy());
          return true;
        }),
      );
      const registry = await startScriptedRegistry(
        serveLayout(sample.directory, (request, response, body) => {
          const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
          if (start === 0) return false;
          response
            .writeHead(206, { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` })
            .end(body.subarray(start));
          return true;
        }),
      );
      const { pull, source } = await mirrored(registry, [mirror.host]);
      const image = await pull();
      expect(hash(await collect(source.openLayer(image, image.layers[0]!)))).toBe(hash(sample.tars[0]!));
      const ranges = registry.requests.map(({ headers }) => headers.range);
      expect(ranges).toEqual(
        fill === undefined ? [expect.stringMatching(/^bytes=/)] : [expect.stringMatching(/^bytes=/), undefined],
      );
    }
  });

  it('never gets the credentials of its registry, nor the registry those of a mirror', async () => {
    const sample = await sampleImage({ layers: 1 });
    const challenge = (request: IncomingMessage) =>
      `Basic realm="x", Bearer realm="http://${request.headers.host}/token"`;
    const [greedy, polite, registry] = await Promise.all(
      [false, false, true].map((serves) =>
        startScriptedRegistry((request, response) => {
          if (request.url?.startsWith('/token')) response.end(JSON.stringify({ token: 'anonymous' }));
          else if (serves && request.headers.authorization !== undefined)
            serveLayout(sample.directory)(request, response);
          else response.writeHead(401, { 'www-authenticate': challenge(request) }).end();
        }),
      ),
    );
    const auth = (name: string) => ({ username: name, password: `${name}-secret` });
    const { pull } = await mirrored(
      registry!,
      [greedy!.host, polite!.host],
      [{ host: polite!.host, auth: auth('polite') }],
      { auth: auth('registry') },
    );
    expect((await pull()).manifestDigest).toBe(sample.manifestDigest);
    const sent = (server: ScriptedRegistry) =>
      new Set(server.requests.flatMap(({ headers }) => headers.authorization ?? []));
    const basic = (name: string) => `Basic ${Buffer.from(`${name}:${name}-secret`).toString('base64')}`;
    expect(sent(greedy!)).toEqual(new Set(['Bearer anonymous']));
    expect(sent(polite!)).toEqual(new Set([basic('polite'), 'Bearer anonymous']));
    expect(sent(registry!)).toEqual(new Set([basic('registry'), 'Bearer anonymous']));
  });

  it('and its registry that both fail are both in the error', async () => {
    const [mirror, registry] = [await startScriptedRegistry(status(403)), await startScriptedRegistry(status(404))];
    const { pull, home } = await mirrored(registry, [mirror.host]);
    await expect(pull()).rejects.toMatchObject({
      code: 'image_not_found',
      message: expect.stringMatching(
        new RegExp(`registry ${registry.host}.*; its mirrors failed before:\n- ${mirror.host}: .*HTTP 403`),
      ),
      details: { status: 404, field: 'image' },
    });
    expect(await imageFiles(home)).toEqual({ layers: [], manifests: [], configs: [], tmp: [] });
  });

  it('is not asked for what was aborted', async () => {
    const controller = new AbortController();
    const registry = await startScriptedRegistry(status(404));
    const mirror = await startScriptedRegistry(() => controller.abort());
    const { source } = await mirrored(registry, [mirror.host]);
    await expect(source.resolve(`${registry.host}/team/app:v1`, { signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(registry.requests).toEqual([]);
  });
});
