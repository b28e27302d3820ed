import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { helperFor, parseDockerConfig, storedCredentials } from './docker-config.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const parse = (document: unknown) =>
  parseDockerConfig(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), 'config.json');
/** The header an entry leads to, for `team/app` of a host. */
const basicFor = (document: unknown, host: string, repository = 'team/app') =>
  storedCredentials(parse(document), host, repository)?.basicHeader();
const basic = (userAndPassword: string) => `Basic ${base64(userAndPassword)}`;

describe("credentials in Docker's configuration", () => {
  const auth = base64('ann:pass:word');

  it.each([
    ['r.example', 'r.example'],
    ['r.example:5000', 'r.example:5000'],
    ['https://r.example', 'r.example'],
    ['http://r.example/v1/', 'r.example'],
    ['https://r.example/v2/', 'r.example'],
    ['R.Example', 'r.example'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['https://registry-1.docker.io/v2/', 'docker.io'],
    ['https://index.docker.io/v1/', 'registry-1.docker.io'],
    ['[::1]:5000', '[::1]:5000'],
  ])('under %s are for %s', (key, host) => {
    expect(basicFor({ auths: { [key]: { auth } } }, host)).toBe(basic('ann:pass:word'));
  });

  it.each([
    ['r.example', 'r.example:5000'],
    ['r.example:5000', 'r.example'],
    ['r.example', 'sub.r.example'],
    ['r.example.evil.example', 'r.example'],
    ['docker.io', 'docker.io.evil.example'],
    ['https://index.docker.io/v1/refresh-token', 'docker.io'],
    ['r.example/other', 'r.example'],
    ['__proto__', 'r.example'],
    ['', 'r.example'],
    ['*', 'r.example'],
  ])('under %j are not for %s', (key, host) => {
    expect(basicFor(`{"auths":{${JSON.stringify(key)}:{"auth":"${auth}"}}}`, host)).toBeUndefined();
  });

  it('of a path are for the repositories below it, and win over those of the host', () => {
    const entry = (name: string) => ({ auth: base64(`${name}:x`) });
    const auths = { 'r.example': entry('host'), 'r.example/team': entry('team'), 'r.example/team/app': entry('app') };
    const userOf = (repository: string) => basicFor({ auths }, 'r.example', repository);
    expect(userOf('other/app')).toBe(basic('host:x'));
    expect(userOf('teams/app')).toBe(basic('host:x'));
    expect(userOf('team/thing')).toBe(basic('team:x'));
    expect(userOf('team/app')).toBe(basic('app:x'));
    expect(userOf('team/app/part')).toBe(basic('app:x'));
  });

  it('spelled as the host win over those of an old address', () => {
    const auths = { 'https://r.example/v1/': { auth: base64('old:x') }, 'r.example': { auth: base64('new:x') } };
    expect(basicFor({ auths }, 'r.example')).toBe(basic('new:x'));
  });

  it('may be user and password in the clear, padded, or tokens', () => {
    expect(basicFor({ auths: { 'a.b': { username: 'ann', password: 'secret' } } }, 'a.b')).toBe(basic('ann:secret'));
    expect(basicFor({ auths: { 'a.b': { auth: base64('ann:secret\0\0') } } }, 'a.b')).toBe(basic('ann:secret'));
    const tokens = { auth: base64('0000:'), identitytoken: 'refresh', registrytoken: 'bearer', email: 'x' };
    const found = storedCredentials(parse({ auths: { 'a.b': tokens } }), 'a.b', 'app');
    expect([found?.refreshToken(), found?.bearerHeader()]).toEqual(['refresh', 'Bearer bearer']);
  });

  it('that are empty, as with a credential store, are none', () => {
    for (const entry of [{}, { auth: '' }, { auth: '', identitytoken: '' }, { username: '', password: '' }]) {
      expect(basicFor({ auths: { 'a.b': entry } }, 'a.b')).toBeUndefined();
    }
    for (const document of ['{}', { auths: null }, { HttpHeaders: {}, plugins: { x: 1 }, auths: {} }]) {
      expect(basicFor(document, 'a.b')).toBeUndefined();
    }
  });

  it.each<[unknown, string]>([
    [{ auth: 'not base64!' }, 'auths["a.b"]["auth"]'],
    [{ auth: base64('no-colon-secret') }, 'auths["a.b"]["auth"]'],
    [{ auth: base64('ann:sec\r\nret: x') }, 'auths["a.b"]["auth"]'],
    [{ auth: 7 }, 'auths["a.b"]["auth"]'],
    [{ identitytoken: 'sec\nret' }, 'auths["a.b"]["identitytoken"]'],
    [{ username: 'x'.repeat(20_000) }, 'auths["a.b"]["username"]'],
    ['secret', 'auths["a.b"]'],
    [['secret'], 'auths["a.b"]'],
  ])('that are broken are a config_error with their field, and never shown', (entry, field) => {
    const config = parse({ auths: { 'a.b': entry, 'c.d': { auth } } });
    const failure = thrownBy(() => storedCredentials(config, 'a.b', 'app'));
    expect(failure).toMatchObject({ code: 'config_error', details: { field, path: 'config.json' } });
    expect(failure).toHaveProperty('hint', expect.stringContaining('docker login'));
    expect(inspect(failure, { depth: 20 })).not.toMatch(/secret|sec\\?r?\\?nret/);
    // One that is broken does not hide the others.
    expect(storedCredentials(config, 'c.d', 'app')?.basicHeader()).toBe(basic('ann:pass:word'));
  });
});

describe("credential helpers in Docker's configuration", () => {
  const config = parse({
    credsStore: 'desktop',
    credHelpers: { 'a.b': 'ecr-login', 'c.d': '', 'https://index.docker.io/v1/': 'hub', 'e.f': '../evil', 'g.h': 7 },
  });

  it('are chosen by registry, else the one for all, and are told the registry as Docker tells it', () => {
    expect(helperFor(config, 'a.b', 'x')).toEqual({ helper: 'ecr-login', server: 'a.b' });
    expect(helperFor(config, 'x.y:5000', 'x')).toEqual({ helper: 'desktop', server: 'x.y:5000' });
    expect(helperFor(config, 'docker.io', 'x')).toEqual({ helper: 'hub', server: 'https://index.docker.io/v1/' });
  });

  it('may be switched off for one registry, or not be there', () => {
    expect(helperFor(config, 'c.d', 'x')).toBeUndefined();
    expect(helperFor(parse({ credsStore: '' }), 'a.b', 'x')).toBeUndefined();
    expect(helperFor(parse({}), 'a.b', 'x')).toBeUndefined();
  });

  it.each([
    ['e.f', 'credHelpers["e.f"]'],
    ['g.h', 'credHelpers["g.h"]'],
  ])('whose name could be a path or is none are refused for %s, and for it alone', (host, field) => {
    expect(thrownBy(() => helperFor(config, host, 'x'))).toMatchObject({ code: 'config_error', details: { field } });
  });

  it.each(['../x', '/bin/sh', 'a b', '-x', 'a;b', '$(x)', 'a\nb', `${'a'.repeat(65)}`, 7, {}])(
    'named %j for all registries are refused',
    (credsStore) => {
      const failure = thrownBy(() => helperFor(parse({ credsStore }), 'a.b', 'x'));
      expect(failure).toMatchObject({ code: 'config_error', details: { field: 'credsStore' } });
    },
  );
});

describe("a file that is not Docker's configuration", () => {
  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['no JSON', '{"auths": {"a.b": {"auth": "c2VjcmV0"}}'],
    ['a list', '[]'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['deep nesting', '['.repeat(200_000)],
    ['auths that are a list', '{"auths":["secret"]}'],
    ['helpers that are a text', '{"credHelpers":"secret"}'],
  ])('%s is a config_error that repeats nothing of it', (_title, text) => {
    const failure = thrownBy(() => parseDockerConfig(Buffer.from(text), 'config.json'));
    expect(failure).toMatchObject({ code: 'config_error', message: expect.stringContaining('config.json') });
    expect(inspect(failure, { depth: 20 })).not.toMatch(/secret|c2VjcmV0/);
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
}
