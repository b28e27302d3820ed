import { BoxliteError } from '../errors/boxlite-error.js';

/** `sha256:` and 64 lower-case hex digits (OCI image-spec, descriptor, "Digests"). */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** True for a well-formed sha256 digest; only such a one may become part of a path. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/**
 * @param text what came from an image, a registry or a person
 * @param field what it is, for the error
 * @throws BoxliteError `image_invalid` when it is not a sha256 digest
 */
export function parseDigest(text: string, field = 'digest'): Digest {
  if (isDigest(text)) return text;
  throw new BoxliteError('image_invalid', `${field} ${JSON.stringify(text.slice(0, 160))} is not a sha256 digest`, {
    hint: 'digests are "sha256:" followed by 64 lower-case hexadecimal digits',
    details: { field },
  });
}

/** The hex part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
