import { BoxliteError } from '@boxlite/core';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(?:\d+(?:\.\d+)?[smhd])+$/;

/**
 * Docker's `--filter until=…`: a duration before now (`24h`, `1h30m`, `7d`), seconds since the epoch, or a date.
 * @param filters as given, in order; the earliest moment counts
 * @param now milliseconds since the epoch
 * @returns undefined without filters
 * @throws BoxliteError `invalid_argument` (field `filter`)
 */
export function parseUntil(filters: readonly string[], now: number): Date | undefined {
  const moments = filters.map((filter) => {
    const value = /^until=(.+)$/.exec(filter)?.[1];
    const moment = value === undefined ? Number.NaN : momentOf(value, now);
    if (!Number.isFinite(moment)) throw malformed(filter);
    return moment;
  });
  return moments.length === 0 ? undefined : new Date(Math.min(...moments));
}

function momentOf(text: string, now: number): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!DURATION.test(text)) return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g);
  return [...parts].reduce((moment, [, count, unit = 's']) => moment - Number(count) * (UNITS[unit] ?? 0), now);
}

function malformed(filter: string): BoxliteError {
  return new BoxliteError('invalid_argument', `--filter ${JSON.stringify(filter.slice(0, 80))} is not understood`, {
    hint: 'write --filter until=24h, until=7d or until=2026-01-31T12:00:00Z',
    details: { field: 'filter' },
  });
}
