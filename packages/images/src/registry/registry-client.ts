import { BoxliteError, type Digest } from '@boxlite/core';
import type { ExpectedBlob } from '../blobs/blob-store.js';
import { sha256 } from '../blobs/sha256.js';
import type { BlobSink } from '../blobs/staged-blob.js';
import { MANIFEST_ACCEPT } from '../documents/media-types.js';
import { MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import type { LoadedDocument } from '../documents/resolve-manifest.js';
import type { HttpAnswer, HttpClient } from './http-client.js';
import { readBounded, readStart } from './read-bounded.js';
import { checkForwardedUrl, endpointUrl } from './registry-endpoint.js';
import { networkError, registryMessage, statusError } from './registry-errors.js';
import type { RegistryEntry } from './registry-settings.js';
import { TokenAuthenticator } from './token-authenticator.js';
import { withRetries } from './with-retries.js';

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_ERROR_BODY_BYTES = 16 * 1024;

interface Wanted {
  readonly repository: string;
  /** Below `/v2/<repository>/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In words, for errors. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
}

/** The pull half of the OCI distribution-spec, for one registry. */
export class RegistryClient {
  private readonly base: URL;
  private readonly authenticator: TokenAuthenticator;

  constructor(
    private readonly entry: RegistryEntry,
    private readonly http: HttpClient,
    private readonly configured: (host: string) => RegistryEntry | undefined,
    now: () => number,
  ) {
    this.base = endpointUrl(entry);
    this.authenticator = new TokenAuthenticator(entry, this.base, http, configured, now);
  }

  /**
   * A manifest or an index. Its digest is computed here; what the server says about it is ignored.
   * @param reference tag or digest
   * @throws BoxliteError `image_not_found`, `image_unauthorized`, `image_invalid`, `digest_mismatch`, `network_unavailable`, `aborted`
   */
  fetchManifest(repository: string, reference: string | Digest, signal?: AbortSignal): Promise<LoadedDocument> {
    const what = `manifest ${reference} of ${repository}`;
    const wanted = { repository, path: `manifests/${reference}`, headers: { accept: MANIFEST_ACCEPT }, what, signal };
    return withRetries(
      async () => {
        const answer = await this.get(wanted);
        if (answer.status !== 200) throw await this.failure(answer, what);
        const bytes = await readBounded(answer, MAX_DOCUMENT_BYTES, what);
        const digest = sha256(bytes);
        if (reference.includes(':') && digest !== reference)
          throw mismatch(what, `registry ${this.base.host} sent ${digest}`);
        const mediaType = answer.header('content-type');
        return { digest, bytes, ...(mediaType === undefined ? {} : { mediaType }) };
      },
      `fetching ${what}`,
      signal,
    );
  }

  /**
   * Writes a blob into a sink, going on where a broken transfer stopped. The sink checks the digest.
   * @param onBytes called with the number of bytes there
   * @throws BoxliteError as {@link fetchManifest}
   */
  async fetchBlob(
    repository: string,
    blob: ExpectedBlob,
    sink: BlobSink,
    options: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void } = {},
  ): Promise<void> {
    const what = `blob ${blob.digest} of ${repository}`;
    const attempt = () => this.fetchRest(repository, blob, sink, what, options);
    await withRetries(attempt, `fetching ${what}`, options.signal);
  }

  private async fetchRest(
    repository: string,
    blob: ExpectedBlob,
    sink: BlobSink,
    what: string,
    { signal, onBytes }: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void },
  ): Promise<void> {
    const start = sink.size;
    const headers: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
    const answer = await this.get({ repository, path: `blobs/${blob.digest}`, headers, what, signal });
    const resumed = answer.status === 206 && answer.header('content-range')?.startsWith(`bytes ${start}-`) === true;
    if (start > 0 && !resumed) await sink.reset();
    if (!resumed && answer.status !== 200) throw await this.failure(answer, what);
    const length = Number(answer.header('content-length') ?? blob.size - sink.size);
    if (length !== blob.size - sink.size) {
      await answer.discard();
      throw mismatch(what, `registry ${this.base.host} has ${sink.size + length} bytes, not ${blob.size}`);
    }
    for await (const chunk of answer.body) {
      await sink.write(chunk);
      onBytes?.(sink.size);
    }
    if (sink.size < blob.size) throw networkError(new Error('the transfer ended early'), this.base.host);
  }

  /** One request with its challenge and its redirects. */
  private async get(wanted: Wanted): Promise<HttpAnswer> {
    const url = new URL(`/v2/${wanted.repository}/${wanted.path}`, this.base);
    const first = this.authenticator.header(wanted.repository);
    const { answer, own } = await this.follow(url, first, wanted);
    // A challenge of where we were redirected to must not lure credentials out.
    if (answer.status !== 401 || !own) return answer;
    const challenge = answer.header('www-authenticate');
    const header = await this.authenticator.answer(challenge, wanted.repository, first, wanted.signal);
    if (header === undefined) return answer;
    await answer.discard();
    return (await this.follow(url, header, wanted)).answer;
  }

  /** The `Authorization` goes to the registry itself only: where it redirects to, storage servers get none. */
  private async follow(
    url: URL,
    authorization: string | undefined,
    wanted: Wanted,
  ): Promise<{ readonly answer: HttpAnswer; readonly own: boolean }> {
    let current = url;
    for (let count = 0; count <= MAX_REDIRECTS; count += 1) {
      const own = current.origin === this.base.origin;
      const answer = await this.http.get(current, {
        headers: { ...wanted.headers, ...(own && authorization !== undefined ? { authorization } : {}) },
        skipVerify: own ? this.entry.skipVerify : (this.configured(current.host)?.skipVerify ?? false),
        signal: wanted.signal,
      });
      if (!REDIRECTS.includes(answer.status)) return { answer, own };
      await answer.discard();
      current = checkForwardedUrl(answer.header('location') ?? '', current, 'redirect', this.configured);
    }
    throw new BoxliteError('network_unavailable', `registry ${this.base.host} redirects ${wanted.what} too often`, {
      details: { registry: this.base.host },
    });
  }

  private async failure(answer: HttpAnswer, what: string): Promise<BoxliteError> {
    const body = await readStart(answer, MAX_ERROR_BODY_BYTES);
    return statusError(answer.status, what, this.base.host, registryMessage(body));
  }
}

function mismatch(what: string, why: string): BoxliteError {
  return new BoxliteError('digest_mismatch', `${what} is not what was asked for: ${why}`, {
    hint: 'the registry holds a damaged image: push it again',
  });
}
