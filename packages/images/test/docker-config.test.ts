import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRegistryImageSource, type RegistryImageSourceOptions } from '../src/index.js';
import { PASSWORD, startPrivateRegistry, USER } from './private-registry.js';
import { sampleImage } from './sample-image.js';
import { serveLayout, startScriptedRegistry } from './scripted-registry.js';
import { temporaryDirectory } from './temporary-directory.js';
import { temporaryHome } from './temporary-home.js';

const run = promisify(execFile);
const AUTH = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

/** A home directory of a user, as the environment of this test: nothing in it yet. */
async function userEnvironment() {
  const home = await temporaryDirectory();
  const [docker, bin] = [join(home, '.docker'), join(home, 'bin')];
  await Promise.all([mkdir(docker), mkdir(bin)]);
  vi.stubEnv('HOME', home);
  vi.stubEnv('DOCKER_CONFIG', '');
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const file = join(docker, 'config.json');
  return {
    home,
    file,
    configure: (config: unknown, path = file) =>
      writeFile(path, typeof config === 'string' ? config : JSON.stringify(config), { mode: 0o600 }),
    /** Installs `docker-credential-<name>`; what it is asked about is noted in a file. */
    helper: async (name: string, script: string) => {
      const asked = join(home, `${name}.asked`);
      const text = `#!/bin/sh\nread -r server\necho "$server" >>${asked}\n${script}\n`;
      await writeFile(join(bin, `docker-credential-${name}`), text, { mode: 0o755 });
      return async () => (await readFile(asked, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    },
  };
}

async function resolve(name: string, options: Partial<RegistryImageSourceOptions> = {}) {
  await using source = createRegistryImageSource({ blobs: await temporaryHome(), ...options });
  const progress: ImageProgress[] = [];
  const image = await source.resolve(name, { onProgress: (event) => progress.push(event) });
  return { image, warnings: progress.flatMap(({ kind, message }) => (kind === 'warning' ? [message] : [])) };
}

const answer = (username: string, secret: string) =>
  `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;

describe("Docker's configuration", () => {
  it('as a login writes it lets a pull from a private registry through, without any option', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    await expect(resolve(name)).rejects.toMatchObject({ code: 'image_unauthorized' });
    const login = ['login', '--tls-verify=false', '--authfile', user.file, '-u', USER, '-p', PASSWORD, host];
    await run('skopeo', login);
    const { image, warnings } = await resolve(name);
    expect(image.manifestDigest).toBe(sample.manifestDigest);
    expect(warnings).toEqual([]);
  });

  it('is read where DOCKER_CONFIG says, through links, or from a file that is named, or not at all', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    const right = { auths: { [host]: { auth: AUTH } } };
    const elsewhere = await temporaryDirectory();
    await user.configure(right, join(elsewhere, 'real.json'));
    await symlink('real.json', join(elsewhere, 'config.json'));
    await expect(resolve(name)).rejects.toMatchObject({ code: 'image_unauthorized' });
    expect((await resolve(name, { dockerConfig: join(elsewhere, 'real.json') })).image.manifestDigest).toBe(
      sample.manifestDigest,
    );
    vi.stubEnv('DOCKER_CONFIG', elsewhere);
    expect((await resolve(name)).image.manifestDigest).toBe(sample.manifestDigest);
    await expect(resolve(name, { dockerConfig: false })).rejects.toMatchObject({ code: 'image_unauthorized' });
  });

  it('yields to what the settings say, also when they say anonymous', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    await user.configure({ auths: { [host]: { auth: Buffer.from('ann:wrong').toString('base64') } } });
    const auth = { username: USER, password: PASSWORD };
    expect((await resolve(name, { registries: [{ host, auth }] })).image.manifestDigest).toBe(sample.manifestDigest);
    await user.configure({ auths: { [host]: { auth: AUTH } } });
    await expect(resolve(name, { registries: [{ host, auth: {} }] })).rejects.toMatchObject({
      code: 'image_unauthorized',
    });
    expect((await resolve(name, { registries: [{ host }] })).image.manifestDigest).toBe(sample.manifestDigest);
  });

  it('is read again when it changes, without a new source', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    await using source = createRegistryImageSource({ blobs: await temporaryHome() });
    await expect(source.resolve(name)).rejects.toMatchObject({ code: 'image_unauthorized' });
    await user.configure({ auths: { [host]: { auth: AUTH } } });
    expect((await source.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
  });

  it('exchanges an identity token at the token server', async () => {
    const [sample, user] = [await sampleImage({ layers: 1 }), await userEnvironment()];
    const serve = serveLayout(sample.directory);
    const server = await startScriptedRegistry((request, response) => {
      if (request.url === '/token' && request.method === 'POST') response.end('{"access_token":"t"}');
      else if (request.headers.authorization === 'Bearer t') serve(request, response);
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
    });
    await user.configure({
      auths: { [server.host]: { auth: Buffer.from('0000:').toString('base64'), identitytoken: 'refresh' } },
    });
    expect((await resolve(`${server.host}/app`)).image.manifestDigest).toBe(sample.manifestDigest);
  });
});

describe('a credential helper', () => {
  it.each(['credHelpers', 'credsStore'])('named by %s is asked when a registry wants credentials', async (field) => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    const asked = await user.helper('test', answer(USER, PASSWORD));
    await user.configure(
      field === 'credsStore' ? { credsStore: 'test' } : { credsStore: 'none', credHelpers: { [host]: 'test' } },
    );
    expect((await resolve(name)).image.manifestDigest).toBe(sample.manifestDigest);
    expect(await asked()).toEqual([host]);
  });

  it('is not asked by a registry that wants none, nor when turned off', async () => {
    const [sample, user] = [await sampleImage({ layers: 1 }), await userEnvironment()];
    const asked = await user.helper('test', 'exit 1');
    await user.configure({ credsStore: 'test' });
    const open = await startScriptedRegistry(serveLayout(sample.directory));
    await resolve(`${open.host}/app`);
    const { name } = await startPrivateRegistry();
    await expect(resolve(name, { dockerConfig: false })).rejects.toMatchObject({ code: 'image_unauthorized' });
    expect(await asked()).toEqual([]);
  });

  it('that knows nothing of a registry leaves it to what the file says', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    await user.helper('test', 'echo "credentials not found in native keychain"; exit 1');
    await user.configure({ credsStore: 'test', auths: { [host]: { auth: AUTH } } });
    const { image, warnings } = await resolve(name);
    expect(image.manifestDigest).toBe(sample.manifestDigest);
    expect(warnings).toEqual([]);
  });

  it('is asked again when what it gave before is refused', async () => {
    const [{ host, name, sample }, user] = [await startPrivateRegistry(), await userEnvironment()];
    const asked = await user.helper(
      'test',
      `[ -e ${user.home}/new ] && ${answer(USER, PASSWORD)} || ${answer(USER, 'expired')}`,
    );
    await user.configure({ credHelpers: { [host]: 'test' } });
    await using source = createRegistryImageSource({ blobs: await temporaryHome() });
    await expect(source.resolve(name)).rejects.toMatchObject({
      code: 'image_unauthorized',
      message: expect.stringMatching(/; the credentials were those of credential helper docker-credential-test$/),
      hint: expect.stringContaining(`docker login ${host}`),
    });
    await writeFile(join(user.home, 'new'), '');
    expect((await source.resolve(name)).manifestDigest).toBe(sample.manifestDigest);
    expect(await asked()).toHaveLength(2);
  });
});

describe("a configuration of Docker's, or a helper, that is broken", () => {
  const broken: readonly (readonly [string, unknown, RegExp])[] = [
    ['a file that is no JSON', '{"auths": {"x": {"auth": "c2VjcmV0"}', /config\.json is not valid: it is not JSON/],
    ['a helper that is not installed', { credsStore: 'none-such' }, /docker-credential-none-such is not in PATH/],
    ['a helper that fails', { credsStore: 'failing' }, /docker-credential-failing failed with status 1: locked/],
    [
      'a helper with the name of a path',
      { credsStore: '../../bin/sh' },
      /credsStore is no name of a credential helper/,
    ],
    ['an entry that is no base64', { auths: { HOST: { auth: '!' } } }, /\["auth"\] is not base64/],
    ['a file that is too large', ' '.repeat(1024 * 1024 + 1), /larger than 1048576 bytes/],
  ];

  it.each(broken)(
    '(%s) does not stop a pull that needs no credentials, but is told',
    async (_title, config, message) => {
      const [sample, user] = [await sampleImage({ layers: 2 }), await userEnvironment()];
      await user.helper('failing', 'echo locked; exit 1');
      const serve = serveLayout(sample.directory);
      const server = await startScriptedRegistry((request, response) => {
        if (request.url?.startsWith('/token')) response.end('{"token":"anonymous","expires_in":1}');
        else if (request.headers.authorization === 'Bearer anonymous') serve(request, response);
        else
          response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
      });
      await user.configure(JSON.parse(JSON.stringify(config).replaceAll('HOST', server.host)));
      const { image, warnings } = await resolve(`${server.host}/app`);
      expect(image.manifestDigest).toBe(sample.manifestDigest);
      // Once, although every blob was asked for anew.
      expect(warnings).toEqual([expect.stringMatching(message)]);
      expect(warnings[0]).toMatch(/; asking without credentials$/);
    },
  );

  it.each(broken)(
    '(%s) is the reason given when the registry refuses, with its remedy',
    async (_title, config, message) => {
      const [{ host, name }, user] = [await startPrivateRegistry(), await userEnvironment()];
      await user.helper('failing', 'echo locked; exit 1');
      await user.configure(JSON.parse(JSON.stringify(config).replaceAll('HOST', host)));
      const failure = await resolve(name).catch((reason: unknown) => reason);
      expect(failure).toMatchObject({
        code: 'image_unauthorized',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/docker|credsStore/i),
        cause: { code: 'config_error' },
        details: { status: 401, registry: host },
      });
      expect(inspect(failure, { depth: 20 })).not.toContain('c2VjcmV0');
    },
  );

  it('that is a directory, a pipe, or named and not there, is told as well', async () => {
    const [{ name }, user] = [await startPrivateRegistry(), await userEnvironment()];
    await mkdir(user.file);
    await expect(resolve(name)).rejects.toMatchObject({ message: expect.stringContaining('no regular file') });
    const pipe = join(user.home, 'pipe');
    await run('mkfifo', [pipe]);
    await expect(resolve(name, { dockerConfig: pipe })).rejects.toMatchObject({
      message: expect.stringContaining('no regular file'),
    });
    const missing = join(user.home, 'none.json');
    await expect(resolve(name, { dockerConfig: missing })).rejects.toMatchObject({
      message: expect.stringContaining('does not exist'),
    });
  });
});
