import { BoxliteError } from '@boxlite/core';

const UNITS: Readonly<Record<string, number>> = { '': 1, m: 1, k: 1 / 1024, g: 1024, b: 1 / 1024 ** 2 };

/**
 * Memory in MiB: a plain number is MiB (as BoxLite has it), or a number with k, m or g (as Docker has it).
 * @throws BoxliteError `invalid_argument` (field `memory`)
 */
export function parseMemoryMib(text: string): number {
  const match = /^(\d+)([bkmg]?)(?:i?b)?$/.exec(text.toLowerCase());
  const mib = match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN);
  if (Number.isFinite(mib) && mib >= 1) return Math.floor(mib);
  throw new BoxliteError('invalid_argument', `memory ${JSON.stringify(text)} is not a size`, {
    hint: 'write MiB such as 512, or a size such as 512m or 2g',
    details: { field: 'memory' },
  });
}
