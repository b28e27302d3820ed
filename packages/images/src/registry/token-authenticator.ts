import { BoxliteError } from '@boxlite/core';
import { z } from 'zod';
import { parseDocument } from '../documents/parse-document.js';
import { type AuthChallenge, parseAuthChallenges } from './auth-challenge.js';
import type { HttpClient } from './http-client.js';
import { readBounded } from './read-bounded.js';
import { checkForwardedUrl } from './registry-endpoint.js';
import { registryMessage, statusError } from './registry-errors.js';
import type { RegistryEntry } from './registry-settings.js';
import { withRetries } from './with-retries.js';

const MAX_TOKEN_BYTES = 256 * 1024;
/** Distribution token specification: 60 s when the answer does not say. */
const DEFAULT_LIFETIME_SECONDS = 60;
/** A token is not used in its last seconds, so that it does not expire on the way. */
const EXPIRY_MARGIN_SECONDS = 10;

const headerToken = z
  .string()
  .min(1)
  .regex(/^[\x21-\x7e]+$/, 'is no token');
const tokenSchema = z.object({
  token: headerToken.optional(),
  access_token: headerToken.optional(),
  expires_in: z.number().optional(),
});

/** Answers the challenges of one registry, with tokens for pulling one repository each. */
export class TokenAuthenticator {
  private readonly headers = new Map<string, { readonly value: string; readonly expiresAt: number }>();

  constructor(
    private readonly entry: RegistryEntry,
    private readonly base: URL,
    private readonly http: HttpClient,
    private readonly configured: (host: string) => RegistryEntry | undefined,
    private readonly now: () => number,
  ) {}

  /** The `Authorization` to begin with, if one is known. */
  header(repository: string): string | undefined {
    const given = this.entry.credentials.bearerHeader();
    if (given !== undefined) return given;
    const cached = this.headers.get(repository);
    return cached !== undefined && cached.expiresAt > this.now() ? cached.value : undefined;
  }

  /**
   * What to send after a 401.
   * @param challenge the `WWW-Authenticate` header
   * @param refused the `Authorization` that was not good enough
   * @returns undefined when nothing better can be had
   * @throws BoxliteError `image_unauthorized`, `network_unavailable`, `image_invalid` for a malformed token answer, `aborted`
   */
  async answer(
    challenge: string | undefined,
    repository: string,
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    this.headers.delete(repository);
    if (this.entry.credentials.bearerHeader() !== undefined) return undefined;
    const challenges = parseAuthChallenges(challenge ?? '');
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
    if (bearer !== undefined) return this.fetchToken(bearer, repository, signal);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    const basic = this.entry.credentials.basicHeader();
    if (basic === undefined || basic === refused) return undefined;
    this.headers.set(repository, { value: basic, expiresAt: Number.POSITIVE_INFINITY });
    return basic;
  }

  private async fetchToken(
    { parameters }: AuthChallenge,
    repository: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const url = checkForwardedUrl(parameters.get('realm') ?? '', this.base, 'token server', this.configured);
    const service = parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    // Not the scope of the challenge: a registry gets no token for more than was asked of it.
    url.searchParams.set('scope', `repository:${repository}:pull`);
    const startedAt = this.now();
    const bytes = await withRetries(() => this.askTokenServer(url, repository, signal), 'asking for a token', signal);
    const document = parseDocument(tokenSchema, bytes, `the answer of token server ${url.host}`);
    const token = document.token ?? document.access_token;
    if (token === undefined) throw new BoxliteError('image_unauthorized', `token server ${url.host} gives no token`);
    const seconds = (document.expires_in ?? DEFAULT_LIFETIME_SECONDS) - EXPIRY_MARGIN_SECONDS;
    const value = `Bearer ${token}`;
    this.headers.set(repository, { value, expiresAt: startedAt + seconds * 1000 });
    return value;
  }

  private async askTokenServer(url: URL, repository: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const basic = this.entry.credentials.basicHeader();
    const skipVerify =
      url.host === this.base.host ? this.entry.skipVerify : (this.configured(url.host)?.skipVerify ?? false);
    const answer = await this.http.get(url, {
      headers: { accept: 'application/json', ...(basic === undefined ? {} : { authorization: basic }) },
      skipVerify,
      signal,
    });
    const body = await readBounded(answer, MAX_TOKEN_BYTES, `the answer of token server ${url.host}`);
    if (answer.status === 200) return body;
    const status = answer.status === 404 ? 502 : answer.status;
    throw statusError(status, `a token for ${repository}`, url.host, registryMessage(body));
  }
}
