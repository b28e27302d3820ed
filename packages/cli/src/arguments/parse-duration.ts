import { BoxliteError } from '@boxlite/core';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PARTS = /(\d{1,9}(?:\.\d{1,6})?)(ms|[smhd])/g;
const DURATION = /^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|[smhd]))+$/;

/**
 * A duration such as `500ms`, `30s`, `1h30m`; `0` is none.
 * @param option name without dashes
 * @returns milliseconds
 * @throws BoxliteError `invalid_argument` naming the option as the field
 */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0;
  if (!DURATION.test(text)) {
    throw new BoxliteError('invalid_argument', `--${option} ${JSON.stringify(text.slice(0, 80))} is not a duration`, {
      hint: `write --${option} 30s; units are ms, s, m, h and d`,
      details: { field: option },
    });
  }
  return Math.ceil(
    [...text.matchAll(PARTS)].reduce((sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 0), 0),
  );
}
