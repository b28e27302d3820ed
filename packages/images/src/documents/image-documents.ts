import { BoxliteError, type Digest, escapeText, isDigest } from '@boxlite/core';
import * as z from 'zod';
import { type DocumentKind, documentKind } from './media-types.js';
import { invalidDocument, parseDocument } from './parse-document.js';

// More than any real image (Docker stops at 127 layers); bounds the work a hostile document can ask for.
const MAX_LAYERS = 1024;
const MAX_INDEX_ENTRIES = 4096;

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), {
  message: 'not "sha256:" and 64 lower-case hexadecimal digits',
});
const size = z.int().nonnegative();
const mediaType = z.string().min(1).max(255);
const annotations = z.record(z.string(), z.string()).nullish();
const platform = z.object({
  os: z.string().max(64),
  architecture: z.string().max(64),
  variant: z.string().max(64).optional(),
});

const descriptor = z.object({ mediaType, digest, size, annotations, urls: z.array(z.string()).nullish() });
const indexEntry = descriptor.extend({ platform: platform.nullish(), artifactType: z.string().optional() });

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  manifests: z.array(indexEntry).max(MAX_INDEX_ENTRIES),
});
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  config: descriptor,
  layers: z.array(descriptor).max(MAX_LAYERS),
});
const shapeSchema = z.looseObject({ schemaVersion: z.int() });

/** A content descriptor (OCI image-spec, descriptor.md). */
export type Descriptor = z.output<typeof descriptor>;
export type IndexEntry = z.output<typeof indexEntry>;
export type ImageIndex = z.output<typeof indexSchema>;
export type ImageManifest = z.output<typeof manifestSchema>;

export type ManifestDocument =
  | { readonly kind: 'index'; readonly index: ImageIndex }
  | { readonly kind: 'manifest'; readonly manifest: ImageManifest };

/**
 * Reads an image index or an image manifest. The document's own shape decides which it is; a media type that says otherwise, or a
 * document that is both, is refused, because two readers could then see two images under one digest (CVE-2021-41190).
 *
 * @param bytes the document
 * @param announced the media type of the descriptor or of the HTTP answer, if there was one
 * @param what which document, for errors
 * @throws BoxliteError `image_invalid` naming the field
 */
export function parseManifestDocument(
  bytes: Uint8Array,
  announced: string | undefined,
  what: string,
): ManifestDocument {
  const shape = parseDocument(shapeSchema, bytes, what);
  if (shape.schemaVersion === 1) {
    throw new BoxliteError(
      'image_invalid',
      `${escapeText(what, 400)} is in Docker's retired format (schemaVersion: 1)`,
      {
        hint: 'push it again with Docker 1.10 or later, or convert it: skopeo copy --format v2s2 docker://OLD docker://NEW',
        details: { field: 'schemaVersion' },
      },
    );
  }
  const isIndex = 'manifests' in shape;
  if (isIndex && ('layers' in shape || 'config' in shape)) {
    throw invalidDocument(what, 'manifests: it is an index and a manifest at once', 'manifests');
  }
  const document: ManifestDocument = isIndex
    ? { kind: 'index', index: parseDocument(indexSchema, bytes, what) }
    : { kind: 'manifest', manifest: parseDocument(manifestSchema, bytes, what) };
  const inner = document.kind === 'index' ? document.index.mediaType : document.manifest.mediaType;
  checkKind(document.kind, inner, true, what);
  checkKind(document.kind, announced, false, what);
  return document;
}

function checkKind(kind: DocumentKind, type: string | undefined, strict: boolean, what: string): void {
  if (type === undefined) return;
  const stated = documentKind(type);
  // Servers announce all sorts of generic types; only a specific and contradicting one counts.
  if (stated === kind || (stated === undefined && !strict)) return;
  throw invalidDocument(
    what,
    `mediaType: ${JSON.stringify(type.slice(0, 120))} does not fit an image ${kind}`,
    'mediaType',
  );
}
