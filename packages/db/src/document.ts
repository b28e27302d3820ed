import { BoxliteError } from '@boxlite/core';
import type * as z from 'zod';
import type { Row } from './connection.js';

/** How a record is stored: the table, the column that names a row, and the shape of its document. */
export interface DocumentKind<T> {
  readonly table: string;
  /** The member of the document that must equal the row's key. */
  readonly key: keyof T & string;
  readonly schema: z.ZodType<T>;
}

/** Documents of one table that are remembered: those of the boxes that are worked on. */
const REMEMBERED = 64;

/** The last documents of each table that were read or written, by their row: the same text is the same record, and it is read ten times in the start of a box. */
const remembered = new WeakMap<object, Map<string, { readonly text: string; readonly record: unknown }>>();

function recall<T>(kind: DocumentKind<T>, id: string, text: string): T | undefined {
  const known = remembered.get(kind)?.get(id);
  return known?.text === text ? (known.record as T) : undefined;
}

function remember<T>(kind: DocumentKind<T>, id: string, text: string, record: T): void {
  const known = remembered.get(kind) ?? new Map();
  remembered.set(kind, known);
  known.delete(id);
  known.set(id, { text, record });
  for (const oldest of known.keys()) {
    if (known.size <= REMEMBERED) return;
    known.delete(oldest);
  }
}

/**
 * The text to store.
 * @throws BoxliteError `invalid_argument` naming the member that could not be read back
 */
export function encodeDocument<T>(kind: DocumentKind<T>, record: T): string {
  let text: string;
  let parsed: z.ZodSafeParseResult<T>;
  try {
    text = JSON.stringify(record);
    parsed = kind.schema.safeParse(JSON.parse(text));
  } catch (thrown) {
    // A cycle or a bigint.
    throw new BoxliteError('invalid_argument', `this ${kind.table} record is not JSON: ${String(thrown)}`, {
      cause: thrown,
      details: { field: kind.table },
    });
  }
  if (parsed.success) {
    remember(kind, String(parsed.data[kind.key]), text, parsed.data);
    return text;
  }
  const { field, why } = firstIssue(parsed.error);
  throw new BoxliteError('invalid_argument', `this ${kind.table} record cannot be stored: ${field}: ${why}`, {
    details: { field },
  });
}

/**
 * The record of a row, which may be shared with others who read it: it is not to be changed.
 * @param row with the columns `id` and `json`
 * @throws BoxliteError `database_error` naming table and id when the row is damaged
 */
export function decodeDocument<T>(kind: DocumentKind<T>, row: Row, file: string): T {
  const id = String(row.id);
  const text = String(row.json);
  const known = recall(kind, id, text);
  if (known !== undefined) return known;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw damaged(kind, id, file, 'json', 'is not JSON', thrown);
  }
  const parsed = kind.schema.safeParse(value);
  if (!parsed.success) {
    const { field, why } = firstIssue(parsed.error);
    throw damaged(kind, id, file, field, why, parsed.error);
  }
  if (parsed.data[kind.key] !== row.id) throw damaged(kind, id, file, kind.key, 'is not the row’s own');
  remember(kind, id, text, parsed.data);
  return parsed.data;
}

function damaged<T>(
  kind: DocumentKind<T>,
  id: string,
  file: string,
  field: string,
  why: string,
  cause?: unknown,
): BoxliteError {
  return new BoxliteError(
    'database_error',
    `row ${JSON.stringify(id)} of table ${kind.table} is damaged: ${field}: ${why}`,
    {
      hint: `restore ${file} from a backup, or delete the row with an SQLite shell`,
      ...(cause === undefined ? {} : { cause }),
      details: { table: kind.table, id, field, file },
    },
  );
}

function firstIssue(error: z.ZodError): { readonly field: string; readonly why: string } {
  const issue = error.issues[0];
  return { field: issue?.path.join('.') || 'json', why: issue?.message ?? 'has the wrong shape' };
}
