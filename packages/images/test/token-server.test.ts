import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createRegistryImageSource, type RegistryImageSourceOptions } from '../src/index.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { imageFiles, temporaryHome } from './temporary-home.js';

interface TokenQuestion {
  readonly method: string | undefined;
  readonly query: Record<string, string>;
  readonly form: Record<string, string>;
  readonly authorization: string | undefined;
}

/** A registry whose tokens are `token-1`, `token-2` …; `valid` is the number that it takes now. */
async function tokenRegistry(
  options: { layers?: number; layerBytes?: number; answer?: (question: TokenQuestion) => object | undefined } = {},
) {
  const sample = await sampleImage({ layers: options.layers ?? 1, layerBytes: options.layerBytes ?? 1000 });
  const asked: TokenQuestion[] = [];
  const state = {
    valid: 1,
    intercept: (_request: IncomingMessage, _response: ServerResponse, _body: Buffer) => false,
    /** When a refusal is sent. */
    refuse: (_request: IncomingMessage, send: () => void) => send(),
  };
  const serve = serveLayout(sample.directory, (request, response, body) => {
    if (request.headers.authorization === `Bearer token-${state.valid}`)
      return state.intercept(request, response, body);
    const challenge = `Bearer realm="http://${request.headers.host}/token",service="the service",scope="repository:x:push"`;
    state.refuse(request, () => response.writeHead(401, { 'www-authenticate': challenge }).end());
    return true;
  });
  const server = await startScriptedRegistry(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (url.pathname !== '/token') return serve(request, response);
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    await once(request, 'end');
    const question = {
      method: request.method,
      query: Object.fromEntries(url.searchParams),
      form: Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())),
      authorization: request.headers.authorization,
    };
    asked.push(question);
    const answer =
      options.answer === undefined ? { token: `token-${asked.length}`, expires_in: 300 } : options.answer(question);
    if (answer === undefined) response.writeHead(401).end();
    else response.end(JSON.stringify(answer));
  });
  const home = await temporaryHome();
  const source = (more: Partial<RegistryImageSourceOptions> = {}) =>
    createRegistryImageSource({ blobs: home, dockerConfig: false, ...more });
  return { ...server, sample, asked, state, home, source, name: `${server.host}/team/app:v1` };
}

const isBlob = (request: IncomingMessage) => request.url?.includes('/blobs/') === true;

describe('a token', () => {
  it('is asked for anonymously, for pulling this repository and nothing the registry says', async () => {
    const { source, name, asked, sample } = await tokenRegistry();
    expect((await source().resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    expect(asked).toEqual([
      {
        method: 'GET',
        query: { service: 'the service', scope: 'repository:team/app:pull' },
        form: {},
        authorization: undefined,
      },
    ]);
  });

  it('that the registry takes no more in mid-pull is renewed, once for all layers under way', async () => {
    const { source, name, asked, state, requests } = await tokenRegistry({ layers: 3 });
    await source().resolve(name, {
      onProgress: ({ kind, bytes }) => {
        // The layers are known and none is asked for yet.
        if (kind === 'download' && bytes === 0) state.valid = 2;
      },
    });
    expect(asked).toHaveLength(2);
    const refused = requests.filter(
      ({ path, headers }) => path.includes('/blobs/') && headers.authorization === 'Bearer token-1',
    );
    // The configuration was had with it; the layers were asked for with it and refused.
    expect(refused.length).toBeGreaterThan(1);
  });

  it('that another request has renewed meanwhile is not renewed again', async () => {
    const { source, name, asked, state } = await tokenRegistry({ layers: 2 });
    const refusals: (() => void)[] = [];
    // Both layers are refused, but the second hears of it only when the first is being answered with the new token.
    state.refuse = (request, send) => {
      if (!isBlob(request)) return send();
      refusals.push(send);
      if (refusals.length === 2) refusals.shift()?.();
    };
    state.intercept = () => {
      for (const send of refusals.splice(0)) send();
      return false;
    };
    await source().resolve(name, {
      onProgress: ({ kind, bytes }) => {
        if (kind === 'download' && bytes === 0) state.valid = 2;
      },
    });
    expect(asked).toHaveLength(2);
  });

  it('that has expired by the clock is not sent again', async () => {
    const { source, name, asked, state, requests } = await tokenRegistry();
    let now = 1_000_000;
    await source({
      now: () => now,
    }).resolve(name, {
      onProgress: ({ kind, bytes }) => {
        if (kind !== 'download' || bytes !== 0) return;
        now += 295_000;
        state.valid = 2;
      },
    });
    expect(asked).toHaveLength(2);
    const last = requests.filter(({ path }) => path.includes('/blobs/')).map(({ headers }) => headers.authorization);
    expect(last.slice(-2)).toEqual([undefined, 'Bearer token-2']);
  });

  it('that expires while a broken transfer is resumed is renewed, and the transfer goes on where it stopped', async () => {
    const { source, name, asked, state, home, requests } = await tokenRegistry({ layerBytes: 500_000 });
    state.intercept = (request, response, body) => {
      if (!isBlob(request) || body.length < 500_000 || state.valid === 2) {
        const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
        if (start === 0) return false;
        response.writeHead(206, { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` });
        response.end(body.subarray(start));
        return true;
      }
      state.valid = 2;
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 200_000), () => response.destroy());
      return true;
    };
    await source().resolve(name);
    expect(asked).toHaveLength(2);
    const resumed = requests
      .filter(({ headers }) => headers.range !== undefined)
      .map(({ headers }) => headers.authorization);
    expect(resumed).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect((await imageFiles(home)).tmp).toEqual([]);
  });

  it('that the registry never takes ends as image_unauthorized, without asking forever', async () => {
    const { source, name, asked, state } = await tokenRegistry();
    state.valid = 99;
    await expect(source().resolve(name)).rejects.toMatchObject({
      code: 'image_unauthorized',
      details: { status: 401 },
    });
    expect(asked).toHaveLength(1);
  });

  it('with an absurd lifetime, or none, is used all the same', async () => {
    for (const expires_in of [-5, 0, 1e300, undefined]) {
      const { source, name, sample } = await tokenRegistry({ answer: () => ({ access_token: 'token-1', expires_in }) });
      expect((await source().resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    }
  });
});

describe('a refresh token', () => {
  const auth = { identityToken: 'refresh-s3cret' };

  it('is exchanged by POST, in the body and nowhere else', async () => {
    const { source, name, host, asked, sample, requests } = await tokenRegistry({
      answer: ({ form }) => (form.refresh_token === 'refresh-s3cret' ? { access_token: 'token-1' } : undefined),
    });
    const registries = [{ host, auth }];
    expect((await source({ registries }).resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    expect(asked).toEqual([
      {
        method: 'POST',
        query: {},
        form: {
          grant_type: 'refresh_token',
          client_id: 'boxlite',
          service: 'the service',
          scope: 'repository:team/app:pull',
          refresh_token: 'refresh-s3cret',
        },
        authorization: undefined,
      },
    ]);
    expect(JSON.stringify(requests)).not.toContain('refresh-s3cret');
  });

  it('that is refused is reported without being shown', async () => {
    const { source, name, host } = await tokenRegistry({ answer: () => undefined });
    const refused = source({ registries: [{ host, auth }] });
    const failure = await refused.resolve(name).catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ code: 'image_unauthorized', details: { status: 401 } });
    for (const shown of [failure, refused])
      expect(inspect(shown, { depth: 20, showHidden: true })).not.toContain('s3cret');
  });
});

describe('a token server that redirects', () => {
  it('to another host is followed without the password, and not at all with a refresh token', async () => {
    const elsewhere = await startScriptedRegistry((_request, response) => response.end('{"token":"t"}'));
    const registry = await startScriptedRegistry((request, response) => {
      if (request.url?.startsWith('/token'))
        response.writeHead(307, { location: `http://${elsewhere.host}/token` }).end();
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
    });
    const { host } = registry;
    for (const auth of [{ username: 'ann', password: 'secret' }, { identityToken: 'refresh' }]) {
      const source = createRegistryImageSource({ blobs: await temporaryHome(), registries: [{ host, auth }] });
      await expect(source.resolve(`${host}/app`)).rejects.toMatchObject({
        code: expect.stringMatching(/^image_unauthorized|network_unavailable$/),
      });
    }
    expect(elsewhere.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
