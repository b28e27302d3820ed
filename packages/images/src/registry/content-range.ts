/** What a part of a body is a part of (RFC 9110, 14.4). Offsets in bytes, `end` included. */
export interface ContentRange {
  readonly start: number;
  readonly end: number;
  /** Undefined when the server does not know (`*`). */
  readonly total: number | undefined;
}

/** Reads a `Content-Range` header. @returns undefined when there is none, or none that makes sense */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [, first, last, size] = match;
  const [start, end] = [Number(first), Number(last)];
  const total = size === '*' ? undefined : Number(size);
  return end < start || (total !== undefined && end >= total) ? undefined : { start, end, total };
}
