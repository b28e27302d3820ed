import { isIPv6 } from 'node:net';
import { BoxliteError, type Digest, escapeText, isDigest } from '@boxlite/core';

/** A reference to an image in a registry, every default filled in. */
export interface ImageReference {
  /** `host[:port]`, lower case; `docker.io` when the user named none. */
  readonly registry: string;
  /** Path in the registry, `library/alpine`. */
  readonly repository: string;
  /** `latest` when the user named neither tag nor digest. */
  readonly tag?: string;
  /** Wins over the tag when both are given. */
  readonly digest?: Digest;
}

/** The registry of names without a host. */
export const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_TAG = 'latest';

// Bounds of the distribution reference grammar: 255 for the name, 128 for the tag.
const MAX_NAME_LENGTH = 255;
const MAX_REFERENCE_LENGTH = 512;

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const BARE_ID = /^[0-9a-f]{64}$/;

/**
 * Reads `[host[:port]/]path[:tag][@digest]` the way Docker does: `alpine` is `docker.io/library/alpine:latest`, and a first
 * component is a host only when it has a dot or a colon or is `localhost`.
 *
 * @param text what the user wrote, at most 512 characters
 * @throws BoxliteError `invalid_argument` (field `image`)
 *
 * @example
 * ```ts
 * parseImageReference('alpine'); // { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' }
 * ```
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length === 0) throw invalidReference(text, 'it is empty');
  if (text.length > MAX_REFERENCE_LENGTH) throw invalidReference(text, `it is longer than ${MAX_REFERENCE_LENGTH}`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw invalidReference(text, 'it has a URL scheme', 'leave out "scheme://"');

  const { rest: named, digest } = splitDigest(text);
  const { rest: name, tag } = splitTag(named, text);
  const { registry, repository } = splitRegistry(name, text);
  checkRepository(repository, registry, text);
  return {
    registry,
    repository,
    ...(tag === undefined ? (digest === undefined ? { tag: DEFAULT_TAG } : {}) : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The canonical text of a reference; parses to an equal one. */
export function formatImageReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** True when the user left the registry out, so that search registries may be tried. */
export function isUnqualified(text: string): boolean {
  const slash = text.indexOf('/');
  return slash < 0 || !looksLikeHost(text.slice(0, slash));
}

/**
 * Checks and lower-cases `host[:port]`, IPv6 addresses in brackets.
 * @returns undefined when it is not one
 */
export function normalizeHost(text: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(text.toLowerCase());
  if (match === null) return undefined;
  const [, host = '', port] = match;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  const bracketed = host.startsWith('[');
  const valid = bracketed ? isIPv6(host.slice(1, -1)) && !host.includes('%') : host.length <= 253 && HOST.test(host);
  if (!valid) return undefined;
  const normalized = port === undefined ? host : `${host}:${Number(port)}`;
  return normalized === 'index.docker.io' || normalized === 'registry-1.docker.io' ? DEFAULT_REGISTRY : normalized;
}

function splitDigest(text: string): { rest: string; digest?: Digest } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) {
    throw invalidReference(text, 'what follows "@" is not "sha256:" and 64 lower-case hexadecimal digits');
  }
  return { rest: text.slice(0, at), digest };
}

function splitTag(named: string, text: string): { rest: string; tag?: string } {
  const colon = named.lastIndexOf(':');
  // A colon before the last slash belongs to a port or an IPv6 host.
  if (colon < 0 || named.indexOf('/', colon) >= 0) return { rest: named };
  const tag = named.slice(colon + 1);
  if (!TAG.test(tag)) {
    throw invalidReference(
      text,
      'the tag must be 1 to 128 letters, digits, "_", "." or "-", and not start with "." or "-"',
    );
  }
  return { rest: named.slice(0, colon), tag };
}

function splitRegistry(name: string, text: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (slash < 0 || !looksLikeHost(first)) {
    return { registry: DEFAULT_REGISTRY, repository: slash < 0 ? `library/${name}` : name };
  }
  const registry = normalizeHost(first);
  if (registry === undefined) throw invalidReference(text, `${JSON.stringify(first)} is not a host or host:port`);
  const rest = name.slice(slash + 1);
  return { registry, repository: registry === DEFAULT_REGISTRY && !rest.includes('/') ? `library/${rest}` : rest };
}

function looksLikeHost(component: string): boolean {
  return component.includes('.') || component.includes(':') || component === 'localhost';
}

function checkRepository(repository: string, registry: string, text: string): void {
  if (repository !== repository.toLowerCase()) {
    throw invalidReference(text, 'repository names are lower case', 'write the name in lower case');
  }
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH) {
    throw invalidReference(text, `the name is longer than ${MAX_NAME_LENGTH} characters`);
  }
  if (!repository.split('/').every((component) => PATH_COMPONENT.test(component))) {
    throw invalidReference(text, 'names are lower-case letters and digits, separated by ".", "_", "__", "-" or "/"');
  }
  if (BARE_ID.test(repository.replace(/^library\//, ''))) {
    throw invalidReference(text, 'it is an image id, not a name', 'write name@sha256:<digest>');
  }
}

function invalidReference(text: string, why: string, hint = 'write it as name, name:tag or host/name@sha256:<digest>') {
  return new BoxliteError('invalid_argument', `image ${JSON.stringify(escapeText(text, 160))} is not valid: ${why}`, {
    hint,
    details: { field: 'image' },
  });
}
