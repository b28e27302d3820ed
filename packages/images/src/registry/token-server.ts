import { BoxliteError } from '@boxlite/core';
import * as z from 'zod';
import { parseDocument } from '../documents/parse-document.js';
import type { Credentials } from './credentials.js';
import { followRedirects } from './follow-redirects.js';
import type { HttpAnswer, HttpClient } from './http-client.js';
import { readBounded } from './read-bounded.js';
import { registryMessage, statusError } from './registry-errors.js';
import type { RegistryEntry } from './registry-settings.js';
import { parseRetryAfter } from './retry-after.js';

const MAX_TOKEN_BYTES = 256 * 1024;
/** Distribution token specification: 60 s when the answer does not say. */
const DEFAULT_LIFETIME_SECONDS = 60;
/** Who asks, as OAuth 2 wants to know. */
const CLIENT_ID = 'boxlite';

const headerToken = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]+$/, 'is no token');
const tokenSchema = z.object({
  token: headerToken.nullish(),
  access_token: headerToken.nullish(),
  expires_in: z.number().nullish(),
});

/** A token good for one repository. */
export interface RegistryToken {
  readonly value: string;
  readonly lifetimeSeconds: number;
}

export interface TokenRequest {
  /** Of the token server, checked. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly repository: string;
  readonly credentials: Credentials;
  readonly skipVerify: boolean;
  readonly configured: (host: string) => RegistryEntry | undefined;
  readonly signal: AbortSignal | undefined;
  readonly now: () => number;
}

/**
 * Asks a token server for leave to pull one repository: with a refresh token by POST (OAuth 2), else by GET, with user and password or
 * anonymously.
 *
 * @throws BoxliteError `image_unauthorized`, `network_unavailable`, `resource_exhausted`, `image_invalid` for a malformed answer, `aborted`
 */
export async function requestToken(http: HttpClient, request: TokenRequest): Promise<RegistryToken> {
  const { realm, repository, now } = request;
  const refreshToken = request.credentials.refreshToken();
  const answer =
    refreshToken === undefined ? await askByGet(http, request) : await askByPost(http, request, refreshToken);
  const what = `the answer of token server ${realm.host}`;
  const body = await readBounded(answer, MAX_TOKEN_BYTES, what);
  if (answer.status !== 200) {
    throw statusError({
      // A token server that is not there is no missing image.
      status: answer.status === 404 ? 502 : answer.status,
      what: `a token for ${repository}`,
      origin: realm.host,
      message: registryMessage(body),
      retryAfterMs: parseRetryAfter(answer.header('retry-after'), now()),
    });
  }
  const document = parseDocument(tokenSchema, body, what);
  const value = document.token ?? document.access_token;
  if (value == null) throw new BoxliteError('image_unauthorized', `token server ${realm.host} gives no token`);
  return { value, lifetimeSeconds: document.expires_in ?? DEFAULT_LIFETIME_SECONDS };
}

async function askByGet(http: HttpClient, request: TokenRequest): Promise<HttpAnswer> {
  const url = new URL(request.realm);
  if (request.service !== undefined) url.searchParams.set('service', request.service);
  url.searchParams.set('scope', pullScope(request.repository));
  const { answer } = await followRedirects(http, url, {
    headers: { accept: 'application/json' },
    authorization: request.credentials.basicHeader(),
    what: `a token for ${request.repository}`,
    skipVerify: request.skipVerify,
    configured: request.configured,
    signal: request.signal,
  });
  return answer;
}

/** A redirect is not followed: it would take the refresh token along. */
function askByPost(http: HttpClient, request: TokenRequest, refreshToken: string): Promise<HttpAnswer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    scope: pullScope(request.repository),
    refresh_token: refreshToken,
  });
  if (request.service !== undefined) form.set('service', request.service);
  return http.send(request.realm, {
    headers: { accept: 'application/json' },
    form,
    skipVerify: request.skipVerify,
    signal: request.signal,
  });
}

/** Not the scope of the challenge: a registry gets no token for more than was asked of it. */
function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}
