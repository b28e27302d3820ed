import { BoxliteError } from '../errors/boxlite-error.js';

/** A box: local ids are 12 characters base62, any id of 1 to 128 of `[A-Za-z0-9_-]` parses (spec section 1). */
export type BoxId = string & { readonly __brand: 'BoxId' };
/** An immutable base disk: 8 characters base62. */
export type BaseDiskId = string & { readonly __brand: 'BaseDiskId' };

/** Length of a box id made here. */
export const LOCAL_BOX_ID_LENGTH = 12;
/** Length of a base disk id. */
export const BASE_DISK_ID_LENGTH = 8;
/** The alphabet of both. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const BOX_ID = /^[A-Za-z0-9_-]{1,128}$/;
const BASE_DISK_ID = /^[A-Za-z0-9]{8}$/;

/** @throws BoxliteError `invalid_argument` when the text is not a box id */
export function parseBoxId(text: string): BoxId {
  if (!BOX_ID.test(text)) throw invalidId('box id', text, '1 to 128 characters of A-Z a-z 0-9 _ -');
  return text as BoxId;
}

/** @throws BoxliteError `invalid_argument` when the text is not a base disk id */
export function parseBaseDiskId(text: string): BaseDiskId {
  if (!BASE_DISK_ID.test(text)) throw invalidId('base disk id', text, '8 characters of A-Z a-z 0-9');
  return text as BaseDiskId;
}

/**
 * A uniformly random base62 text.
 * @param length characters
 * @param randomBytes source of randomness: `n` bytes for each call
 */
export function randomBase62(length: number, randomBytes: (n: number) => Uint8Array): string {
  let id = '';
  while (id.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 248 is the largest multiple of 62 below 256: rejecting the rest keeps every character equally likely.
      if (byte < 248 && id.length < length) id += BASE62.charAt(byte % 62);
    }
  }
  return id;
}

function invalidId(field: string, text: string, grammar: string): BoxliteError {
  return new BoxliteError('invalid_argument', `${JSON.stringify(text.slice(0, 160))} is not a ${field}`, {
    hint: `a ${field} is ${grammar}`,
    details: { field },
  });
}
