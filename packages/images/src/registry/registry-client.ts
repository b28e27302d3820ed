import { BoxliteError, type Digest, type ImageProgress, type TaskContext } from '@boxlite/core';
import type { ExpectedBlob } from '../blobs/blob-store.js';
import { sha256 } from '../blobs/sha256.js';
import type { BlobSink } from '../blobs/staged-blob.js';
import { MANIFEST_ACCEPT } from '../documents/media-types.js';
import { MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import type { LoadedDocument } from '../documents/resolve-manifest.js';
import { BlobTransfer } from './blob-transfer.js';
import type { CredentialSource } from './credential-source.js';
import { followRedirects } from './follow-redirects.js';
import type { HttpAnswer, HttpClient } from './http-client.js';
import type { ImageRegistry } from './image-registry.js';
import { readBounded, readStart } from './read-bounded.js';
import { endpointUrl } from './registry-endpoint.js';
import { registryMessage, statusError } from './registry-errors.js';
import type { RegistryEntry } from './registry-settings.js';
import { parseRetryAfter } from './retry-after.js';
import { TokenAuthenticator } from './token-authenticator.js';
import { withRetries } from './with-retries.js';

const MAX_ERROR_BODY_BYTES = 16 * 1024;

export interface RegistryClientOptions {
  readonly entry: RegistryEntry;
  readonly http: HttpClient;
  readonly configured: (host: string) => RegistryEntry | undefined;
  readonly credentials: CredentialSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Path before every repository, for mirrors. */
  readonly prefix?: string;
  /** How often something is tried; default 3. */
  readonly attempts?: number;
}

interface Wanted {
  readonly repository: string;
  /** Below `/v2/<repository>/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** In words, for errors. */
  readonly what: string;
  readonly context: TaskContext<ImageProgress>;
}

/** The pull half of the OCI distribution-spec, for one registry. */
export class RegistryClient implements ImageRegistry {
  readonly name: string;
  private readonly base: URL;
  private readonly authenticator: TokenAuthenticator;

  constructor(private readonly options: RegistryClientOptions) {
    this.base = endpointUrl(options.entry);
    this.name = options.entry.host;
    this.authenticator = new TokenAuthenticator({ ...options, base: this.base });
  }

  fetchManifest(
    repository: string,
    reference: string | Digest,
    context: TaskContext<ImageProgress>,
  ): Promise<LoadedDocument> {
    const what = `manifest ${reference} of ${repository}`;
    const wanted = { repository, path: `manifests/${reference}`, headers: { accept: MANIFEST_ACCEPT }, what, context };
    return this.retried(what, context, undefined, async () => {
      const answer = await this.get(wanted);
      if (answer.status !== 200) throw await this.failure(answer, what);
      const bytes = await readBounded(answer, MAX_DOCUMENT_BYTES, what);
      const digest = sha256(bytes);
      if (reference.includes(':') && digest !== reference) {
        throw new BoxliteError(
          'digest_mismatch',
          `${what} is not what was asked for: registry ${this.name} sent ${digest}`,
          {
            hint: 'the registry holds a damaged image: push it again',
          },
        );
      }
      const mediaType = answer.header('content-type');
      return { digest, bytes, ...(mediaType === undefined ? {} : { mediaType }) };
    });
  }

  async fetchBlob(
    repository: string,
    blob: ExpectedBlob,
    sink: BlobSink,
    context: TaskContext<ImageProgress>,
    onBytes: (bytes: number) => void = () => undefined,
  ): Promise<void> {
    const what = `blob ${blob.digest} of ${repository}`;
    const transfer = new BlobTransfer({ blob, sink, onBytes, what, origin: this.name });
    await this.retried(what, context, blob.digest, () =>
      transfer.attempt(
        (headers) => this.get({ repository, path: `blobs/${blob.digest}`, headers, what, context }),
        (answer) => this.failure(answer, what),
      ),
    );
  }

  private retried<Result>(
    what: string,
    { signal, tell }: TaskContext<ImageProgress>,
    digest: Digest | undefined,
    attempt: () => Promise<Result>,
  ): Promise<Result> {
    const about = digest === undefined ? {} : { digest };
    return withRetries(attempt, {
      what: `fetching ${what}`,
      signal,
      attempts: this.options.attempts,
      onRetry: (message) => tell({ kind: 'retry', ...about, message }),
    });
  }

  /** One request with its challenge and its redirects. */
  private async get({ repository: inRegistry, path, headers, what, context }: Wanted): Promise<HttpAnswer> {
    const { entry, http, configured, prefix = '' } = this.options;
    const repository = prefix === '' ? inRegistry : `${prefix}/${inRegistry}`;
    const url = new URL(`/v2/${repository}/${path}`, this.base);
    const request = { headers, what, skipVerify: entry.skipVerify, configured, signal: context.signal };
    const first = this.authenticator.header(repository);
    const { answer, own } = await followRedirects(http, url, { ...request, authorization: first });
    // A challenge of where we were redirected to must not lure credentials out.
    if (answer.status !== 401 || !own) return answer;
    const challenge = answer.header('www-authenticate');
    const authorization = await this.authenticated(() =>
      this.authenticator.answer(challenge, repository, first, context),
    );
    if (authorization === undefined) return answer;
    await answer.discard();
    return (await followRedirects(http, url, { ...request, authorization })).answer;
  }

  private async failure(answer: HttpAnswer, what: string): Promise<BoxliteError> {
    const body = await readStart(answer, MAX_ERROR_BODY_BYTES);
    const retryAfterMs = parseRetryAfter(answer.header('retry-after'), this.options.now());
    const { status } = answer;
    return this.explained(
      statusError({ status, what, origin: this.name, message: registryMessage(body), retryAfterMs }),
    );
  }

  private async authenticated<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (thrown) {
      throw BoxliteError.isInstance(thrown) ? this.explained(thrown) : thrown;
    }
  }

  /** A refusal may be for want of credentials that are there but cannot be read; then that is what to mend. */
  private explained(error: BoxliteError): BoxliteError {
    const { problem, origin } = this.authenticator.found;
    const { code, message, details } = error;
    if (code !== 'image_unauthorized') return error;
    if (problem !== undefined) {
      const why = `${message}; it was asked without credentials, because ${problem.message}`;
      return new BoxliteError(code, why, {
        details,
        cause: problem,
        ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      });
    }
    if (origin === undefined) return error;
    return new BoxliteError(code, `${message}; the credentials were those of ${origin}`, {
      details,
      hint: `check the name of the image, or renew the credentials: docker login ${this.name}`,
    });
  }
}
