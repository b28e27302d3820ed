import { BoxliteError } from '@boxlite/core';
import type * as z from 'zod';

/**
 * Validates a caller's object at the edge; inside, types are trusted.
 * @param schema what is allowed
 * @param value what came in
 * @param what names the object in the message ("box options")
 * @throws BoxliteError `invalid_argument`; `details.field` is the dotted path of the first offending field
 */
export function parseOptions<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknownKey = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])].map(String).join('.');
  throw new BoxliteError('invalid_argument', `${what}: ${field || 'value'}: ${issue?.message ?? 'invalid'}`, {
    hint: unknownKey === undefined ? `correct ${field || 'the value'}` : `remove ${unknownKey}, or check its spelling`,
    details: { field },
  });
}
