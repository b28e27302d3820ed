import { BoxliteError, escapeText } from '@boxlite/core';
import { z } from 'zod';
import { type IndexEntry, parseManifestDocument } from '../documents/image-documents.js';
import { documentKind } from '../documents/media-types.js';
import { invalidDocument, parseDocument } from '../documents/parse-document.js';
import { formatLocalReference, type LocalReference } from '../reference/local-reference.js';

/** The annotation that names an image in `index.json` (OCI image-spec, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

const markerSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\.\d+\.\d+$/, 'only version 1 can be read') });

/** @throws BoxliteError `image_invalid` when the file `oci-layout` is not of version 1 */
export function checkLayoutMarker(bytes: Uint8Array): void {
  parseDocument(markerSchema, bytes, 'oci-layout');
}

/**
 * The entries of `index.json` that a reference means: those with its tag, or all images when it has none.
 * @throws BoxliteError `image_not_found` listing the tags there are, `image_invalid`, `invalid_argument` when several tags would do
 */
export function selectEntries(index: Uint8Array, reference: LocalReference): readonly IndexEntry[] {
  const document = parseManifestDocument(index, undefined, `index.json of ${formatLocalReference(reference)}`);
  if (document.kind !== 'index') throw invalidDocument('index.json', 'manifests: missing', 'manifests');
  const images = document.index.manifests.filter((entry) => documentKind(entry.mediaType) !== undefined);
  const tags = [...new Set(images.flatMap((entry) => entry.annotations?.[REF_NAME] ?? []))];
  if (reference.tag !== undefined) {
    const tagged = images.filter((entry) => entry.annotations?.[REF_NAME] === reference.tag);
    if (tagged.length > 0) return tagged;
    throw noSuchTag(`tag ${JSON.stringify(reference.tag)}`, reference, tags);
  }
  if (images.length === 0) throw noSuchTag('an image', reference, tags);
  if (new Set(tags.map((tag) => digestsOf(images, tag))).size > 1) {
    throw new BoxliteError('invalid_argument', `${formatLocalReference(reference)} has several images: ${list(tags)}`, {
      hint: 'add the tag: oci:DIR:TAG',
      details: { field: 'image', tags },
    });
  }
  return images;
}

/** Several tags of one image are no ambiguity. */
function digestsOf(images: readonly IndexEntry[], tag: string): string {
  const digests = images.filter((entry) => entry.annotations?.[REF_NAME] === tag).map((entry) => entry.digest);
  return digests.sort().join(' ');
}

function noSuchTag(wanted: string, reference: LocalReference, tags: readonly string[]): BoxliteError {
  const where = escapeText(formatLocalReference({ kind: reference.kind, path: reference.path }));
  return new BoxliteError('image_not_found', `${where} does not have ${wanted}; tags: ${list(tags)}`, {
    hint: 'name one of its tags: oci:DIR:TAG',
    details: { field: 'image', tags },
  });
}

function list(tags: readonly string[]): string {
  return tags.length === 0 ? 'none' : escapeText(tags.slice(0, 32).join(', '), 1000);
}
