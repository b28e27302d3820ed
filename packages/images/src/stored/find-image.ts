import { BoxliteError, digestHex, escapeText, type ImageRecord } from '@boxlite/core';
import {
  formatImageReference,
  isUnqualified,
  parseImageReference,
  repositoryOn,
} from '../reference/image-reference.js';
import { formatLocalReference, isLocalReference, parseLocalReference } from '../reference/local-reference.js';
import { normalizeHost } from '../reference/registry-host.js';
import type { ImageCache } from './image-cache.js';

/** Shorter prefixes of a digest fit by accident, and fit names. */
const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{4,64})$/;

export interface FindImageOptions {
  /** Registries that names without one are looked for in, in order; without any docker.io. */
  readonly searchHosts?: readonly string[];
}

/**
 * The record somebody means: by its very reference, as a pull would read it, or by the beginning of the digest of its configuration or manifest.
 * @param text at most a reference; anything else is found nowhere
 * @throws BoxliteError `invalid_argument` (field `image`) when the beginning of a digest fits several images; `database_error`
 */
export async function findImage(
  { store }: Pick<ImageCache, 'store'>,
  text: string,
  { searchHosts = [] }: FindImageOptions = {},
): Promise<ImageRecord | undefined> {
  for (const reference of [text, ...canonicalReferences(text, searchHosts)]) {
    const record = await store.get(reference);
    if (record !== undefined) return record;
  }
  const [, prefix] = ID_PREFIX.exec(text) ?? [];
  if (prefix === undefined) return undefined;
  const fitting = (await store.list()).filter(({ configDigest, manifestDigest }) =>
    [configDigest, manifestDigest].some((digest) => digestHex(digest).startsWith(prefix)),
  );
  if (new Set(fitting.map(({ manifestDigest }) => manifestDigest)).size > 1) {
    const names = fitting.map(({ reference }) => reference);
    throw new BoxliteError('invalid_argument', escapeText(`${text} fits several images: ${names.join(', ')}`, 1000), {
      hint: 'give more digits, or the name',
      details: { field: 'image', references: names },
    });
  }
  return fitting[0];
}

function canonicalReferences(text: string, searchHosts: readonly string[]): readonly string[] {
  try {
    if (isLocalReference(text)) return [formatLocalReference(parseLocalReference(text))];
    const plain = parseImageReference(text);
    if (!isUnqualified(text) || searchHosts.length === 0) return [formatImageReference(plain)];
    return searchHosts
      .map(hostAsRecorded)
      .map((registry) =>
        formatImageReference({ ...plain, registry, repository: repositoryOn(registry, text, plain.repository) }),
      );
  } catch (thrown) {
    // What is no reference may be the beginning of a digest.
    if (BoxliteError.isInstance(thrown)) return [];
    throw thrown;
  }
}

/** Settings may spell a host in other ways than references do. */
function hostAsRecorded(host: string): string {
  return normalizeHost(host) ?? host;
}
