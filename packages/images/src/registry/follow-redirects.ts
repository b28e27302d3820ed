import { BoxliteError } from '@boxlite/core';
import type { HttpAnswer, HttpClient } from './http-client.js';
import { checkForwardedUrl } from './registry-endpoint.js';
import type { RegistryEntry } from './registry-settings.js';

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export interface FollowedRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** Goes to the origin of the first address only: where that redirects to, storage servers get none. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** In words, for errors. */
  readonly what: string;
  /** Whether any certificate of the first origin will do. */
  readonly skipVerify: boolean;
  /** What the user says about other hosts. */
  readonly configured: (host: string) => RegistryEntry | undefined;
}

/**
 * A GET with its redirects.
 * @returns the last answer; `own` is true when it came from the origin first asked
 * @throws BoxliteError `network_unavailable`, `aborted`
 */
export async function followRedirects(
  http: HttpClient,
  url: URL,
  { headers, authorization, signal, what, skipVerify, configured }: FollowedRequest,
): Promise<{ readonly answer: HttpAnswer; readonly own: boolean }> {
  let current = url;
  for (let count = 0; count <= MAX_REDIRECTS; count += 1) {
    const own = current.origin === url.origin;
    const answer = await http.send(current, {
      headers: { ...headers, ...(own && authorization !== undefined ? { authorization } : {}) },
      skipVerify: own ? skipVerify : (configured(current.host)?.skipVerify ?? false),
      signal,
    });
    if (!REDIRECTS.includes(answer.status)) return { answer, own };
    await answer.discard();
    current = checkForwardedUrl(answer.header('location') ?? '', current, 'redirect', configured);
  }
  throw new BoxliteError('network_unavailable', `registry ${url.host} redirects ${what} too often`, {
    details: { registry: url.host },
  });
}
