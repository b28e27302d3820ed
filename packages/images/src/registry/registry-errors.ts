import { BoxliteError, errnoOf, escapeText } from '@boxlite/core';
import * as z from 'zod';

/** Failures another attempt may mend, with how long to wait before it, where the server said so. */
const transientErrors = new WeakMap<object, { readonly retryAfterMs: number | undefined }>();

export function isTransient(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && transientErrors.has(thrown);
}

/** Milliseconds the server asked to wait. */
export function retryAfterOf(thrown: unknown): number | undefined {
  return typeof thrown === 'object' && thrown !== null ? transientErrors.get(thrown)?.retryAfterMs : undefined;
}

/** Marks a failure as one another attempt may mend. */
export function transient(error: BoxliteError, retryAfterMs?: number): BoxliteError {
  transientErrors.set(error, { retryAfterMs });
  return error;
}

const TLS_CODES =
  /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;
const DNS_CODES: readonly string[] = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'];

/** What a failed connection, name look-up, TLS handshake or broken transfer becomes. */
export function networkError(thrown: unknown, origin: string): BoxliteError {
  const errno = errnoOf(thrown) ?? errnoOf((thrown as { cause?: unknown } | null)?.cause) ?? 'unknown';
  const options = { cause: thrown, details: { registry: origin, reason: errno } };
  if (TLS_CODES.test(errno)) {
    return new BoxliteError('network_unavailable', `registry ${origin} does not speak trusted TLS (${errno})`, {
      ...options,
      hint: 'check its certificate (NODE_EXTRA_CA_CERTS adds an authority); for a registry of your own set transport "http" or skipVerify',
    });
  }
  if (DNS_CODES.includes(errno)) {
    const error = new BoxliteError('network_unavailable', `registry ${origin} has no address (${errno})`, {
      ...options,
      hint: 'check the name of the registry and the network connection',
    });
    return transient(error);
  }
  const error = new BoxliteError('network_unavailable', `registry ${origin} cannot be reached (${errno})`, {
    ...options,
    hint: 'check the network connection, and that the registry runs; behind a proxy set HTTPS_PROXY',
  });
  return transient(error);
}

/** A body that ended before its time. */
export function brokenTransfer(origin: string, what: string, received: number, wanted: number): BoxliteError {
  const message = `registry ${origin} broke off ${what} after ${received} of ${wanted} bytes`;
  return transient(
    new BoxliteError('network_unavailable', message, {
      hint: 'check the network connection, and that the registry runs',
      details: { registry: origin, reason: 'ended early' },
    }),
  );
}

const errorBody = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })),
});

/** The registry's own words about a failure (distribution-spec, error codes), one line, safe to print; empty when there are none. */
export function registryMessage(body: Uint8Array): string {
  try {
    const parsed = errorBody.safeParse(JSON.parse(Buffer.from(body).toString('utf8')));
    const first = parsed.success ? parsed.data.errors[0] : undefined;
    return escapeText(
      [first?.code, first?.message]
        .filter((part) => part !== undefined && part !== '')
        .join(': ')
        .replace(/\s+/g, ' '),
      200,
    );
  } catch {
    // Anything may answer in place of a registry; only its own format is worth repeating.
    return '';
  }
}

/** An answer that is no success. */
export interface RefusedRequest {
  readonly status: number;
  /** Which thing was asked for. */
  readonly what: string;
  /** Who answered. */
  readonly origin: string;
  /** The registry's words. */
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** What an HTTP status other than success becomes. */
export function statusError({ status, what, origin, message, retryAfterMs }: RefusedRequest): BoxliteError {
  const why = message === '' ? `HTTP ${status}` : `HTTP ${status}, ${message}`;
  const seconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000);
  const details = { registry: origin, status, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  const when = seconds === undefined ? 'later' : `in ${seconds} s`;
  if (status === 404) {
    return new BoxliteError('image_not_found', `${what} does not exist in registry ${origin} (${why})`, {
      hint: 'check name and tag; a private image may need credentials',
      details: { ...details, field: 'image' },
    });
  }
  if (status === 401 || status === 403) {
    return new BoxliteError('image_unauthorized', `registry ${origin} refuses ${what} (${why})`, {
      hint: 'check name and credentials: registries answer so for missing images too',
      details: { ...details, field: 'image' },
    });
  }
  if (status === 429) {
    const error = new BoxliteError('resource_exhausted', `registry ${origin} limits the rate of pulls (${why})`, {
      hint: `try again ${when}, or give credentials for this registry`,
      details,
    });
    return transient(error, retryAfterMs);
  }
  const error = new BoxliteError('network_unavailable', `registry ${origin} cannot give ${what} (${why})`, {
    hint:
      status >= 500 ? `the registry has a problem; try again ${when}` : 'check that the host is a container registry',
    details,
  });
  return status >= 500 || status === 408 ? transient(error, retryAfterMs) : error;
}
