import * as z from 'zod';

const MAX_SECRET_LENGTH = 16_384;

/** A part of a header value: control characters in it could forge another header. The error does not repeat it. */
export const secretText = z
  .string()
  .max(MAX_SECRET_LENGTH)
  .regex(/^[\x20-\x7e\x80-\uffff]*$/, 'has control characters');
