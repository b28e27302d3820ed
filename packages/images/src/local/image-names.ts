import type { IndexEntry } from '../documents/image-documents.js';
import { documentKind } from '../documents/media-types.js';
import { formatImageReference, parseImageReference } from '../reference/image-reference.js';

/** The annotation that names an image in `index.json`, mostly by a tag alone (OCI image-spec, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** The annotation of containerd and Docker with the whole name. */
export const IMAGE_NAME = 'io.containerd.image.name';

/** The name of an image as a registry source has it, or undefined when the text is none. */
export function canonicalName(text: string): string | undefined {
  try {
    return formatImageReference(parseImageReference(text));
  } catch {
    // Archives name images as they like; what is no reference cannot be asked for by one.
    return undefined;
  }
}

/**
 * The canonical name an entry of `index.json` has: the whole one, else what its tag makes of `repository` or is already. One with a digest counts only
 * when it is that of the entry's own manifest: whoever pins a digest later must not get what an archive only says has it.
 */
export function entryName(
  { annotations, digest, mediaType }: Pick<IndexEntry, 'annotations' | 'digest' | 'mediaType'>,
  repository?: string,
): string | undefined {
  const name = writtenName(annotations, repository);
  if (name === undefined || !hasDigest(name)) return name;
  return documentKind(mediaType) === 'manifest' && name.endsWith(`@${digest}`) ? name : undefined;
}

/** True for a canonical name that pins a digest. */
export function hasDigest(name: string): boolean {
  return name.includes('@');
}

function writtenName(annotations: IndexEntry['annotations'], repository: string | undefined): string | undefined {
  const whole = annotations?.[IMAGE_NAME];
  if (whole !== undefined) return canonicalName(whole);
  const tag = annotations?.[REF_NAME];
  if (tag === undefined) return repository === undefined ? undefined : canonicalName(repository);
  // A tag alone is a name too by its looks, but was not meant as one.
  if (/[:/]/.test(tag)) return canonicalName(tag);
  return repository === undefined ? undefined : canonicalName(`${repository}:${tag}`);
}
