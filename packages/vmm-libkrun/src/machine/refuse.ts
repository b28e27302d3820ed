import { BoxliteError, type ErrorCode } from '@boxlite/core';

/** Refuses a member of a spec. @throws BoxliteError with `details.field` */
export function refuse(code: ErrorCode, field: string, message: string, hint: string): never {
  throw new BoxliteError(code, message, { hint, details: { field } });
}
