import { BoxliteError, escapeText } from '@boxlite/core';
import * as z from 'zod';
import { DEFAULT_REGISTRY, normalizeHost } from '../../reference/registry-host.js';
import { type CredentialInput, Credentials } from '../credentials.js';
import { secretText } from '../secret-text.js';
import { isHelperName } from './helper-name.js';

/** What Docker calls its default registry in this file and to helpers. */
const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/';
/** Another name of the same service, which some tools write. */
const DOCKER_HUB_API = 'registry-1.docker.io';

/** The parts of Docker's `config.json` that credentials come from. */
export interface DockerConfig {
  /** In words, for errors. */
  readonly name: string;
  readonly auths: readonly (readonly [key: string, value: unknown])[];
  readonly helpers: readonly (readonly [key: string, value: unknown])[];
  readonly store: unknown;
}

// Entries are checked when they are needed: one that is wrong must not hide the others.
const configSchema = z.looseObject({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credHelpers: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.unknown().optional(),
});
const authSchema = z.looseObject({
  auth: secretText.nullish(),
  username: secretText.nullish(),
  password: secretText.nullish(),
  identitytoken: secretText.nullish(),
  registrytoken: secretText.nullish(),
});

/**
 * Reads Docker's `config.json`. Everything but credentials is left alone.
 * @param name which file, for errors
 * @throws BoxliteError `config_error`; `details.field` is such as `credsStore`. No value is repeated in it
 */
export function parseDockerConfig(bytes: Uint8Array, name: string): DockerConfig {
  const result = configSchema.safeParse(parseJson(bytes, name));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalidConfig(name, issue?.path ?? [], issue?.message ?? 'has a wrong shape');
  }
  const { auths, credHelpers, credsStore } = result.data;
  return {
    name,
    auths: Object.entries(auths ?? {}),
    helpers: Object.entries(credHelpers ?? {}),
    store: credsStore,
  };
}

/**
 * The helper that knows a registry, and how the registry is called to it.
 * @returns undefined when the file itself holds the credentials
 * @throws BoxliteError `config_error`, naming the field
 */
export function helperFor(
  config: DockerConfig,
  host: string,
  repository: string,
): { readonly helper: string; readonly server: string } | undefined {
  const own = bestMatch(config.helpers, host, repository);
  const helper = own === undefined ? config.store : own[1];
  if (helper === undefined || helper === null || helper === '') return undefined;
  if (typeof helper !== 'string' || !isHelperName(helper)) {
    const path = own === undefined ? ['credsStore'] : ['credHelpers', own[0]];
    throw invalidConfig(config.name, path, 'is no name of a credential helper');
  }
  return { helper, server: canonicalHost(host) === DEFAULT_REGISTRY ? DOCKER_HUB_SERVER : host };
}

/**
 * The credentials written in the file itself.
 * @returns undefined when there are none
 * @throws BoxliteError `config_error`, naming the entry
 */
export function storedCredentials(config: DockerConfig, host: string, repository: string): Credentials | undefined {
  const match = bestMatch(config.auths, host, repository);
  if (match === undefined) return undefined;
  const [key, value] = match;
  const result = authSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalidConfig(config.name, ['auths', key, ...(issue?.path ?? [])], issue?.message ?? 'has a wrong shape');
  }
  const { auth, identitytoken, registrytoken, username, password } = result.data;
  const input: CredentialInput = {
    ...nonEmpty({ bearerToken: registrytoken, identityToken: identitytoken }),
    ...(isSet(auth)
      ? decodeAuth(auth, config.name, key)
      : isSet(username)
        ? { username, password: password ?? '' }
        : {}),
  };
  const credentials = Credentials.from(input);
  return credentials.isAnonymous ? undefined : credentials;
}

/** `user:password` in base64, as `docker login` writes it. */
function decodeAuth(auth: string, name: string, key: string): CredentialInput {
  const path = ['auths', key, 'auth'];
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(auth)) throw invalidConfig(name, path, 'is not base64');
  const decoded = secretText.safeParse(Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, ''));
  const colon = decoded.success ? decoded.data.indexOf(':') : -1;
  if (!decoded.success || colon < 0) throw invalidConfig(name, path, 'is not user:password in base64');
  const username = decoded.data.slice(0, colon);
  return username === '' ? {} : { username, password: decoded.data.slice(colon + 1) };
}

/**
 * The entry for a registry. Keys are hosts, or URLs as old versions of Docker wrote them; one with a path other than `v1` or `v2` is for the
 * repositories below that path only, and the longest such path wins.
 */
function bestMatch<Value>(
  entries: readonly (readonly [key: string, value: Value])[],
  host: string,
  repository: string,
): readonly [key: string, value: Value] | undefined {
  const wanted = canonicalHost(host);
  const rank = (key: string): number => {
    const place = placeOf(key);
    if (place === undefined || place.host !== wanted) return -1;
    if (place.path !== '' && repository !== place.path && !repository.startsWith(`${place.path}/`)) return -1;
    return place.path.length * 2 + (key === host || key === DOCKER_HUB_SERVER ? 1 : 0);
  };
  let best: readonly [key: string, value: Value] | undefined;
  let bestRank = -1;
  for (const entry of entries) {
    const ranked = rank(entry[0]);
    if (ranked > bestRank) [best, bestRank] = [entry, ranked];
  }
  return best;
}

function placeOf(key: string): { readonly host: string; readonly path: string } | undefined {
  const [first = '', ...rest] = key.replace(/^https?:\/\//, '').split('/');
  const host = normalizeHost(first);
  if (host === undefined) return undefined;
  const path = rest.filter((part) => part !== '').join('/');
  return { host: canonicalHost(host), path: path === 'v1' || path === 'v2' ? '' : path };
}

function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return lower === DOCKER_HUB_API ? DEFAULT_REGISTRY : lower;
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text around the mistake, which may be a password.
    throw invalidConfig(name, [], 'is not JSON in UTF-8');
  }
}

function isSet(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && text !== '';
}

function nonEmpty(input: Readonly<Record<string, string | null | undefined>>): CredentialInput {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => isSet(value)));
}

function invalidConfig(name: string, path: readonly PropertyKey[], why: string): BoxliteError {
  const field = path.map((part, index) => (index === 0 ? String(part) : `[${JSON.stringify(part)}]`)).join('');
  const where = escapeText(field, 160);
  return new BoxliteError(
    'config_error',
    `Docker's configuration ${name} is not valid: ${where}${where === '' ? 'it' : ''} ${why}`,
    {
      hint: 'mend the file, "docker login" again, or turn it off (dockerConfig: false)',
      details: { path: name, ...(field === '' ? {} : { field: where }) },
    },
  );
}
