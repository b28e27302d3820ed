import { type ImageProgress, SharedTasks, type TaskContext } from '@boxlite/core';
import { type AuthChallenge, parseAuthChallenges } from './auth-challenge.js';
import type { CredentialSource, FoundCredentials } from './credential-source.js';
import type { Credentials } from './credentials.js';
import type { HttpClient } from './http-client.js';
import { checkForwardedUrl } from './registry-endpoint.js';
import type { RegistryEntry } from './registry-settings.js';
import { requestToken } from './token-server.js';
import { withRetries } from './with-retries.js';

/** A token is not used in its last seconds, so that it does not expire on the way. */
const EXPIRY_MARGIN_SECONDS = 10;

export interface AuthenticatorOptions {
  readonly entry: RegistryEntry;
  /** Of the registry's API. */
  readonly base: URL;
  readonly http: HttpClient;
  readonly configured: (host: string) => RegistryEntry | undefined;
  readonly credentials: CredentialSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Answers the challenges of one registry, with tokens for pulling one repository each. */
export class TokenAuthenticator {
  private readonly headers = new Map<string, { readonly value: string; readonly expiresAt: number }>();
  private readonly renewals = new SharedTasks<string | undefined, ImageProgress>();
  private latest: Omit<FoundCredentials, 'credentials'> = {};

  constructor(private readonly options: AuthenticatorOptions) {}

  /** Where the credentials came from that were used last, or why there were none. */
  get found(): Omit<FoundCredentials, 'credentials'> {
    return this.latest;
  }

  /** The `Authorization` to begin with, if one is known. */
  header(repository: string): string | undefined {
    const given = this.options.entry.credentials?.bearerHeader();
    if (given !== undefined) return given;
    const cached = this.headers.get(repository);
    return cached !== undefined && cached.expiresAt > this.options.now() ? cached.value : undefined;
  }

  /**
   * What to send after a 401. Requests for the same repository at the same time share one answer.
   * @param challenge the `WWW-Authenticate` header
   * @param refused the `Authorization` that was not good enough
   * @returns undefined when nothing better can be had
   * @throws BoxliteError `image_unauthorized`, `network_unavailable`, `image_invalid` for a malformed token answer, `aborted`
   */
  async answer(
    challenge: string | undefined,
    repository: string,
    refused: string | undefined,
    { signal, tell }: TaskContext<ImageProgress>,
  ): Promise<string | undefined> {
    const known = this.header(repository);
    // Another request has renewed it meanwhile.
    if (known !== undefined && known !== refused) return known;
    const caller = { signal, onProgress: tell };
    const value = await this.renewals.run(repository, `asking for leave to pull ${repository}`, caller, (context) =>
      this.renew(challenge ?? '', repository, context),
    );
    return value === refused ? undefined : value;
  }

  private async renew(
    challenge: string,
    repository: string,
    context: TaskContext<ImageProgress>,
  ): Promise<string | undefined> {
    this.headers.delete(repository);
    const { signal } = context;
    const { entry } = this.options;
    const { credentials, ...found } = await this.options.credentials({ host: entry.host, repository, signal });
    const { problem } = found;
    this.latest = found;
    if (problem !== undefined)
      context.tell({ kind: 'warning', message: `${problem.message}; asking without credentials` });
    const given = credentials.bearerHeader();
    if (given !== undefined) return this.keep(repository, given, Number.POSITIVE_INFINITY);
    const challenges = parseAuthChallenges(challenge);
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
    if (bearer !== undefined) return this.fetchToken(bearer, repository, credentials, context);
    const basic = challenges.some(({ scheme }) => scheme === 'basic') ? credentials.basicHeader() : undefined;
    return basic === undefined ? undefined : this.keep(repository, basic, Number.POSITIVE_INFINITY);
  }

  private async fetchToken(
    { parameters }: AuthChallenge,
    repository: string,
    credentials: Credentials,
    { signal, tell }: TaskContext<ImageProgress>,
  ): Promise<string> {
    const { base, configured, entry, http, now } = this.options;
    const realm = checkForwardedUrl(parameters.get('realm') ?? '', base, 'token server', configured);
    const skipVerify = realm.host === base.host ? entry.skipVerify : (configured(realm.host)?.skipVerify ?? false);
    const request = {
      realm,
      service: parameters.get('service'),
      repository,
      credentials,
      skipVerify,
      configured,
      signal,
      now,
    };
    const startedAt = now();
    const token = await withRetries(() => requestToken(http, request), {
      what: 'asking for a token',
      signal,
      onRetry: (message) => tell({ kind: 'retry', message }),
    });
    const lifetimeMs = (token.lifetimeSeconds - EXPIRY_MARGIN_SECONDS) * 1000;
    return this.keep(repository, `Bearer ${token.value}`, startedAt + lifetimeMs);
  }

  private keep(repository: string, value: string, expiresAt: number): string {
    this.headers.set(repository, { value, expiresAt });
    return value;
  }
}
