import { execFile } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistryImageSource, type RegistrySettings } from '../src/index.js';
import { startDockerRegistry } from './docker-registry.js';
import { PASSWORD, startPrivateRegistry } from './private-registry.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';
import { temporaryHome } from './temporary-home.js';

const run = promisify(execFile);

async function certificate() {
  const directory = await temporaryDirectory();
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=boxlite test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]);
  return { key, cert };
}

const sourceFor = async (settings: RegistrySettings) =>
  createRegistryImageSource({ blobs: await temporaryHome(), registries: [settings], dockerConfig: false });

describe('a registry with HTTP Basic authentication', () => {
  it('gives an image to the right credentials and refuses wrong ones and none, without ever showing them', async () => {
    const { host, name, sample } = await startPrivateRegistry();
    const right = await sourceFor({ host, auth: { username: 'ann', password: PASSWORD } });
    expect((await right.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    const wrong = await sourceFor({ host, auth: { username: 'ann', password: 'wrong-secret' } });
    const failure: unknown = await wrong.resolve(name).catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ code: 'image_unauthorized', details: { status: 401 } });
    const encoded = Buffer.from('ann:wrong-secret').toString('base64');
    for (const shown of [
      inspect(failure, { depth: 20 }),
      inspect(wrong, { depth: 20, showHidden: true }),
      JSON.stringify(failure),
    ]) {
      expect(shown).not.toContain('wrong-secret');
      expect(shown).not.toContain(encoded);
    }
    const anonymous = await sourceFor({ host });
    await expect(anonymous.resolve(name)).rejects.toMatchObject({ code: 'image_unauthorized' });
  });
});

describe('a registry with bearer tokens', () => {
  /** The token server of a real registry: signs what the registry checks. */
  async function tokenRegistry() {
    const { key, cert } = await certificate();
    const asked: { scope: string | null; authorization: string | undefined }[] = [];
    const der = Buffer.from((await readFile(cert, 'utf8')).replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const privateKey = createPrivateKey(await readFile(key));
    const issue = (claims: object) => {
      const header = { typ: 'JWT', alg: 'RS256', x5c: [der.toString('base64')] };
      const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
    };
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://token');
      const scope = url.searchParams.get('scope');
      const { authorization } = request.headers;
      asked.push({ scope, authorization });
      const known = authorization === `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}`;
      const [type, name = '', actions = ''] = scope?.split(':') ?? [];
      const now = Math.floor(Date.now() / 1000);
      const access = known && scope !== null ? [{ type, name, actions: actions.split(',') }] : [];
      const claims = {
        iss: 'test-issuer',
        aud: 'test-service',
        sub: 'ann',
        jti: '1',
        nbf: now - 10,
        exp: now + 300,
        iat: now,
        access,
      };
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ token: issue(claims), expires_in: 300 }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const realm = `http://127.0.0.1:${(server.address() as { port: number }).port}/token`;
    const auth = { token: { realm, service: 'test-service', issuer: 'test-issuer', rootcertbundle: cert } };
    const registry = await startDockerRegistry({ auth });
    const sample = await sampleImage({ layers: 3 });
    await registry.push(sample.reference, 'private/app:v1', ['--dest-creds', `ann:${PASSWORD}`]);
    asked.length = 0;
    const now = Math.floor(Date.now() / 1000);
    const access = [{ type: 'repository', name: 'private/app', actions: ['pull'] }];
    const given = issue({
      iss: 'test-issuer',
      aud: 'test-service',
      sub: 'x',
      jti: '2',
      nbf: now - 10,
      exp: now + 300,
      iat: now,
      access,
    });
    return { host: registry.host, sample, asked, given };
  }

  it('is asked for one token a repository, for pulling only', async () => {
    const { host, sample, asked } = await tokenRegistry();
    const source = await sourceFor({ host, auth: { username: 'ann', password: PASSWORD } });
    expect((await source.resolve(`${host}/private/app:v1`)).manifestDigest).toBe(sample.manifestDigest);
    expect(asked.map(({ scope }) => scope)).toEqual(['repository:private/app:pull']);
  });

  it('refuses an anonymous token that does not reach, and accepts a token the user gave without asking for one', async () => {
    const { host, sample, asked, given } = await tokenRegistry();
    const anonymous = await sourceFor({ host });
    await expect(anonymous.resolve(`${host}/private/app:v1`)).rejects.toMatchObject({ code: 'image_unauthorized' });
    expect(asked).toEqual([{ scope: 'repository:private/app:pull', authorization: undefined }]);
    const source = await sourceFor({ host, auth: { bearerToken: given } });
    expect((await source.resolve(`${host}/private/app:v1`)).manifestDigest).toBe(sample.manifestDigest);
    expect(asked).toHaveLength(1);
  });
});

describe('a registry with TLS', () => {
  it('whose certificate nobody vouches for is refused, unless told to skip the check', async () => {
    const { key, cert } = await certificate();
    const registry = await startDockerRegistry({ http: { tls: { certificate: cert, key } } });
    const sample = await sampleImage({ layers: 1 });
    await registry.push(sample.reference, 'app:v1');
    const name = `${registry.host}/app:v1`;
    const strict = await sourceFor({ host: registry.host, transport: 'https' });
    await expect(strict.resolve(name)).rejects.toMatchObject({
      code: 'network_unavailable',
      message: expect.stringContaining('TLS'),
      hint: expect.stringContaining('skipVerify'),
    });
    const lax = await sourceFor({ host: registry.host, transport: 'https', skipVerify: true });
    expect((await lax.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    const plain = await sourceFor({ host: registry.host, transport: 'http' });
    await expect(plain.resolve(name)).rejects.toMatchObject({ code: 'network_unavailable' });
  });
});

describe('registry settings', () => {
  it.each<[unknown, string]>([
    [{ host: 'https://registry' }, 'registries[0].host'],
    [{ host: 'registry/path' }, 'registries[0].host'],
    [{ host: 'a.b', transport: 'ftp' }, 'registries[0].transport'],
    [{ host: 'a.b', auth: { username: 'x' } }, 'registries[0].auth'],
    [{ host: 'a.b', auth: { bearerToken: 'bad\nsecret' } }, 'registries[0].auth.bearerToken'],
    [{ host: 'a.b', auth: { identityToken: '' } }, 'registries[0].auth.identityToken'],
    [{ host: 'a.b', mirrors: ['ok.example', 'https://mirror.example'] }, 'registries[0].mirrors[1]'],
    [{ host: 'a.b', mirrors: 'mirror.example' }, 'registries[0].mirrors'],
  ])('%j is refused, naming %s and no secret', async (settings, field) => {
    const make = () => createRegistryImageSource({ blobs: {} as never, registries: [settings as RegistrySettings] });
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_argument', details: { field } }));
    expect(make).not.toThrow(/secret/);
  });
});
