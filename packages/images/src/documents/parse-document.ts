import { BoxliteError, escapeText } from '@boxlite/core';
import type * as z from 'zod';

/** The bound of the distribution-spec for manifests ("at least 4 megabytes"), used for every JSON document of an image. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/**
 * Reads a JSON document of an image and checks its shape.
 * @param bytes at most {@link MAX_DOCUMENT_BYTES}
 * @param what which document, the start of the message
 * @throws BoxliteError `image_invalid`; `details.field` is the path of the first wrong field, such as `layers[2].digest`
 */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  what: string,
): z.output<Schema> {
  if (bytes.byteLength > MAX_DOCUMENT_BYTES) {
    throw invalidDocument(what, `it is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  }
  const result = schema.safeParse(parseJson(bytes, what));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = formatPath(issue?.path ?? []);
  throw invalidDocument(what, `${field === '' ? 'document' : field}: ${issue?.message ?? 'wrong shape'}`, field);
}

/** An `image_invalid` error about one field of a document. */
export function invalidDocument(what: string, why: string, field?: string): BoxliteError {
  return new BoxliteError('image_invalid', escapeText(`${what} is not valid: ${why}`, 600), {
    hint: 'the image is damaged or was made by an incompatible tool: build or push it again',
    ...(field === undefined || field === '' ? {} : { details: { field: escapeText(field, 160) } }),
  });
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text, which may be any file a hostile layout points to.
    throw invalidDocument(what, 'it is not JSON in UTF-8');
  }
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
