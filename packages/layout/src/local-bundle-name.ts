import { createHash } from 'node:crypto';
import { BoxliteError } from '@boxlite/core';

/** Characters taken of each hash (spec section 1). */
const SHORT_HASH = 8;

/**
 * Directory name of a local OCI bundle's cache: `<path8>-<manifest8>`.
 * @param bundlePath as the caller gave it, not resolved: another spelling is another cache
 * @param manifestDigest with or without `sha256:`; one shorter than 8 digits is used whole
 * @throws BoxliteError `image_invalid` when the digest is not lower-case hexadecimal, so that it can never climb
 */
export function localBundleName(bundlePath: string, manifestDigest: string): string {
  const hex = manifestDigest.startsWith('sha256:') ? manifestDigest.slice('sha256:'.length) : manifestDigest;
  if (!/^[0-9a-f]{1,64}$/.test(hex)) {
    throw new BoxliteError('image_invalid', `${JSON.stringify(manifestDigest.slice(0, 160))} is not a sha256 digest`, {
      hint: 'digests are "sha256:" followed by lower-case hexadecimal digits; check index.json of the bundle',
      details: { field: 'manifestDigest' },
    });
  }
  const pathHash = createHash('sha256').update(bundlePath).digest('hex');
  return `${pathHash.slice(0, SHORT_HASH)}-${hex.slice(0, SHORT_HASH)}`;
}
