import { BoxliteError, escapeText } from '@boxlite/core';
import * as z from 'zod';
import { isAttestation } from '../documents/choose-platform.js';
import { type IndexEntry, parseManifestDocument } from '../documents/image-documents.js';
import { documentKind } from '../documents/media-types.js';
import { invalidDocument, parseDocument } from '../documents/parse-document.js';
import { formatLocalReference, type LocalReference } from '../reference/local-reference.js';
import { canonicalName, entryName, IMAGE_NAME, REF_NAME } from './image-names.js';

const markerSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\.\d+\.\d+$/, 'only version 1 can be read') });

const PINNED = /@(sha256:[0-9a-f]{64})$/;

/** @throws BoxliteError `image_invalid` when the file `oci-layout` is not of version 1 */
export function checkLayoutMarker(bytes: Uint8Array): void {
  parseDocument(markerSchema, bytes, 'oci-layout');
}

/**
 * The images of `index.json`; what is no image is passed over.
 * @param what names the layout, for errors
 * @throws BoxliteError `image_invalid`
 */
export function readIndexEntries(index: Uint8Array, what: string): readonly IndexEntry[] {
  const document = parseManifestDocument(index, undefined, `index.json of ${what}`);
  if (document.kind !== 'index') throw invalidDocument('index.json', 'manifests: missing', 'manifests');
  return document.index.manifests.filter(
    (entry) => documentKind(entry.mediaType) !== undefined && !isAttestation(entry),
  );
}

/**
 * The entries of `index.json` that a reference means: those with its tag or name, or all images when it has none.
 * @throws BoxliteError `image_not_found` listing the tags there are, `image_invalid`, `invalid_argument` when several images would do
 */
export function selectEntries(index: Uint8Array, reference: LocalReference): readonly IndexEntry[] {
  const images = readIndexEntries(index, formatLocalReference(reference));
  const named = reference.tag === undefined ? images : entriesNamed(images, reference.tag);
  if (named.length === 0) {
    const wanted = reference.tag === undefined ? 'an image' : `tag ${JSON.stringify(reference.tag)}`;
    throw noSuchTag(wanted, reference, labelsOf(images));
  }
  const labels = labelsOf(named);
  if (new Set(labels.map((label) => digestsOf(named, label))).size <= 1) return named;
  throw new BoxliteError('invalid_argument', `${formatLocalReference(reference)} has several images: ${list(labels)}`, {
    hint: `add which one: ${reference.kind}:PATH:NAME`,
    details: { field: 'image', tags: labels },
  });
}

/** Those with this tag, else those with this name; of a digest in either only what has it. */
function entriesNamed(images: readonly IndexEntry[], tag: string): readonly IndexEntry[] {
  const [, pinned] = PINNED.exec(tag) ?? [];
  const named = entriesCalled(images, tag);
  return pinned === undefined ? named : named.filter(({ digest }) => digest === pinned);
}

function entriesCalled(images: readonly IndexEntry[], tag: string): readonly IndexEntry[] {
  const tagged = images.filter((entry) => entry.annotations?.[REF_NAME] === tag);
  if (tagged.length > 0) return tagged;
  const name = canonicalName(tag);
  return name === undefined ? [] : images.filter((entry) => entryName(entry) === name);
}

/** What an entry is best called: its whole name, else its tag. */
function labelOf({ annotations }: IndexEntry): string | undefined {
  return annotations?.[IMAGE_NAME] ?? annotations?.[REF_NAME];
}

function labelsOf(images: readonly IndexEntry[]): readonly string[] {
  return [...new Set(images.flatMap((entry) => labelOf(entry) ?? []))];
}

/** Several names of one image are no ambiguity. */
function digestsOf(images: readonly IndexEntry[], label: string): string {
  const digests = images.filter((entry) => labelOf(entry) === label).map((entry) => entry.digest);
  return digests.sort().join(' ');
}

function noSuchTag(wanted: string, reference: LocalReference, tags: readonly string[]): BoxliteError {
  const where = escapeText(formatLocalReference({ kind: reference.kind, path: reference.path }));
  return new BoxliteError('image_not_found', `${where} does not have ${wanted}; tags: ${list(tags)}`, {
    hint: `name one of its tags: ${reference.kind}:PATH:TAG`,
    details: { field: 'image', tags },
  });
}

function list(tags: readonly string[]): string {
  return tags.length === 0 ? 'none' : escapeText(tags.slice(0, 32).join(', '), 1000);
}
