import { BoxliteError, throwIfAborted } from '@boxlite/core';
import type { Dispatcher } from 'undici';
import { networkError } from './registry-errors.js';
import { isLoopback } from './registry-settings.js';

/** Loading it takes as long as the rest of a local image's start, which needs none of it: it comes with the first request. */
const loadUndici = () => import('undici');
type Undici = Awaited<ReturnType<typeof loadUndici>>;

/** Bounds of one request, in milliseconds. */
export interface HttpTimeouts {
  /** TCP and TLS. Default 10 s. */
  readonly connectMs: number;
  /** Until the answer's headers. Default 30 s. */
  readonly headersMs: number;
  /** Between two pieces of a body. Default 30 s. */
  readonly idleMs: number;
}

export const DEFAULT_HTTP_TIMEOUTS: HttpTimeouts = { connectMs: 10_000, headersMs: 30_000, idleMs: 30_000 };

export interface HttpRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST of a form. */
  readonly form?: URLSearchParams;
  /** Accept any certificate. */
  readonly skipVerify?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Must be read to its end or discarded. Throws `network_unavailable` when the transfer breaks, `aborted`. */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

/**
 * Requests that follow no redirects, through the proxies of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) except to loopback.
 * Connections are made when needed; idle ones do not keep the process alive.
 */
export class HttpClient {
  private readonly dispatchers = new Map<string, Dispatcher>();

  constructor(private readonly timeouts: HttpTimeouts) {}

  /** @throws BoxliteError `network_unavailable`, `aborted` */
  async send(url: URL, { headers = {}, form, skipVerify = false, signal }: HttpRequest): Promise<HttpAnswer> {
    const what = `asking ${url.host}`;
    throwIfAborted(signal, what);
    try {
      const undici = await loadUndici();
      const answer = await undici.request(url, {
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          'user-agent': 'boxlite',
          'accept-encoding': 'identity',
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
        ...(form === undefined ? {} : { body: form.toString() }),
        dispatcher: this.dispatcher(undici, isLoopback(url.hostname), skipVerify),
        headersTimeout: this.timeouts.headersMs,
        bodyTimeout: this.timeouts.idleMs,
        ...(signal === undefined ? {} : { signal }),
      });
      return {
        status: answer.statusCode,
        header: (name) => {
          const value = answer.headers[name];
          return Array.isArray(value) ? value.join(', ') : value;
        },
        body: readBody(answer.body, url, signal),
        // The rest of an unwanted body is cut off instead of read.
        discard: async () => {
          answer.body.on('error', () => undefined).destroy();
        },
      };
    } catch (thrown) {
      throwIfAborted(signal, what);
      throw BoxliteError.isInstance(thrown) ? thrown : networkError(thrown, url.host);
    }
  }

  async close(): Promise<void> {
    const dispatchers = [...this.dispatchers.values()];
    this.dispatchers.clear();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()));
  }

  private dispatcher({ Agent, EnvHttpProxyAgent }: Undici, direct: boolean, skipVerify: boolean): Dispatcher {
    const key = `${direct} ${skipVerify}`;
    const existing = this.dispatchers.get(key);
    if (existing !== undefined) return existing;
    const connect = { timeout: this.timeouts.connectMs, rejectUnauthorized: !skipVerify };
    const made = direct ? new Agent({ connect }) : new EnvHttpProxyAgent({ connect, requestTls: connect });
    this.dispatchers.set(key, made);
    return made;
  }
}

async function* readBody(
  body: AsyncIterable<Uint8Array>,
  url: URL,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextChunk(source, url, signal);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

async function nextChunk(source: AsyncIterator<Uint8Array>, url: URL, signal: AbortSignal | undefined) {
  try {
    return await source.next();
  } catch (thrown) {
    throwIfAborted(signal, `reading from ${url.host}`);
    throw networkError(thrown, url.host);
  }
}
