import { BoxliteError } from '@boxlite/core';
import { formatImageReference, parseImageReference } from '../reference/image-reference.js';
import { isLocalReference } from '../reference/local-reference.js';
import { DEFAULT_REGISTRY } from '../reference/registry-host.js';

/** A name with a tag, canonical, and the tag alone. */
export interface TaggedName {
  readonly name: string;
  readonly tag: string;
}

/** Undefined for what names no tag: a digest, or something on this machine. */
export function taggedName(text: string): TaggedName | undefined {
  if (isLocalReference(text)) return undefined;
  try {
    const { registry, repository, tag } = parseImageReference(text);
    return tag === undefined ? undefined : { name: formatImageReference({ registry, repository, tag }), tag };
  } catch (thrown) {
    // References of other sources name nothing Docker could.
    if (BoxliteError.isInstance(thrown, 'invalid_argument')) return undefined;
    throw thrown;
  }
}

/** As Docker shows it: without its own registry and the `library/` of official images. */
export function dockerName({ name }: TaggedName): string {
  return name.replace(`${DEFAULT_REGISTRY}/`, '').replace(/^library\/(?=[^/]+$)/, '');
}
