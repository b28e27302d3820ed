import { BoxliteError, type Digest, escapeText, isDigest } from '@boxlite/core';
import { DEFAULT_REGISTRY, isHostComponent, normalizeHost } from './registry-host.js';

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

/** The rule a refused reference breaks, in `details.rule` of the error. */
export type ReferenceRule =
  | 'empty'
  | 'length'
  | 'scheme'
  | 'image-id'
  | 'host'
  | 'lower-case'
  | 'path'
  | 'tag'
  | 'digest';

const DEFAULT_TAG = 'latest';
const OFFICIAL_PREFIX = 'library/';

/** Bound of the path in a registry, `library/` included (distribution project, package `reference`). */
const MAX_REPOSITORY_LENGTH = 255;
const MAX_TAG_LENGTH = 128;
/** Above the longest host, path, tag and digest together. */
const MAX_REFERENCE_LENGTH = 1024;

const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const BARE_ID = /^[0-9a-f]{64}$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Reads `[host[:port]/]path[:tag][@digest]` the way Docker does: `alpine` is `docker.io/library/alpine:latest`, and a first component is a host
 * only when it has a dot, a colon or an upper-case letter, or is `localhost`.
 *
 * @param text what the user wrote, at most 1024 characters
 * @throws BoxliteError `invalid_argument` (field `image`, `details.rule` is a {@link ReferenceRule})
 *
 * @example
 * ```ts
 * parseImageReference('alpine'); // { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' }
 * ```
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length === 0) throw invalidReference(text, 'empty', 'it is empty');
  if (text.length > MAX_REFERENCE_LENGTH) {
    throw invalidReference(text, 'length', `it is longer than ${MAX_REFERENCE_LENGTH} characters`);
  }
  if (SCHEME.test(text)) throw invalidReference(text, 'scheme', 'it has a URL scheme', 'leave out "scheme://"');
  if (BARE_ID.test(text)) {
    throw invalidReference(text, 'image-id', 'it is an image id, not a name', 'write name@sha256:<digest>');
  }
  const { rest: named, digest } = splitDigest(text);
  const { rest: name, tag } = splitTag(named, text);
  const { registry, repository } = splitRegistry(name, text);
  checkRepository(repository, text);
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
  return slash < 0 || !isHostComponent(text.slice(0, slash));
}

/**
 * The path of an unqualified name in another registry: `library/` is what docker.io puts before single names, others do not.
 * @param repository what {@link parseImageReference} made of it
 */
export function repositoryOn(registry: string, text: string, repository: string): string {
  return registry === DEFAULT_REGISTRY || text.includes('/') ? repository : repository.slice(OFFICIAL_PREFIX.length);
}

function splitDigest(text: string): { rest: string; digest?: Digest } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) {
    const why = 'what follows "@" must be "sha256:" and 64 lower-case hexadecimal digits';
    throw invalidReference(
      text,
      'digest',
      /^sha(?:384|512):/.test(digest) ? `${why}; no other digests are supported` : why,
    );
  }
  return { rest: text.slice(0, at), digest };
}

function splitTag(named: string, text: string): { rest: string; tag?: string } {
  const colon = named.lastIndexOf(':');
  // A colon before the last slash belongs to a port or an IPv6 host.
  if (colon < 0 || named.indexOf('/', colon) >= 0) return { rest: named };
  const tag = named.slice(colon + 1);
  if (tag.length > MAX_TAG_LENGTH || !TAG.test(tag)) {
    const why = `the tag must be 1 to ${MAX_TAG_LENGTH} letters, digits, "_", "." or "-", and not start with "." or "-"`;
    throw invalidReference(text, 'tag', why);
  }
  return { rest: named.slice(0, colon), tag };
}

function splitRegistry(name: string, text: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  if (slash < 0) return { registry: DEFAULT_REGISTRY, repository: `${OFFICIAL_PREFIX}${name}` };
  const first = name.slice(0, slash);
  if (!isHostComponent(first)) return { registry: DEFAULT_REGISTRY, repository: name };
  const rest = name.slice(slash + 1);
  const host = normalizeHost(first);
  if (host === undefined) {
    const why = `${JSON.stringify(escapeText(first, 80))} must be a host or host:port, with a port of 1 to 65535`;
    throw invalidReference(text, 'host', why);
  }
  // "User/app": in lower case it would read as a user of the default registry.
  const registry = isHostComponent(host) ? host : first;
  return {
    registry,
    repository: registry === DEFAULT_REGISTRY && !rest.includes('/') ? `${OFFICIAL_PREFIX}${rest}` : rest,
  };
}

function checkRepository(repository: string, text: string): void {
  if (repository !== repository.toLowerCase()) {
    throw invalidReference(text, 'lower-case', 'repository names are lower case', 'write the name in lower case');
  }
  if (repository.length > MAX_REPOSITORY_LENGTH) {
    const why = `the path ${repository.startsWith(OFFICIAL_PREFIX) ? `("${OFFICIAL_PREFIX}" included) ` : ''}is longer than ${MAX_REPOSITORY_LENGTH} characters`;
    throw invalidReference(text, 'length', why);
  }
  const wrong = repository.split('/').find((component) => !PATH_COMPONENT.test(component));
  if (wrong === undefined) return;
  const what =
    wrong === '' ? 'a part of the path is empty' : `${JSON.stringify(escapeText(wrong, 80))} is no part of a path`;
  throw invalidReference(text, 'path', `${what}: lower-case letters and digits, separated by ".", "_", "__" or "-"`);
}

function invalidReference(
  text: string,
  rule: ReferenceRule,
  why: string,
  hint = 'write it as name, name:tag or host/name@sha256:<digest>',
): BoxliteError {
  return new BoxliteError('invalid_argument', `image ${JSON.stringify(escapeText(text, 160))} is not valid: ${why}`, {
    hint,
    details: { field: 'image', rule },
  });
}
