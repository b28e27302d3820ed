import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.js';
import { retryPauseMs } from './with-retries.js';

describe('a Retry-After header', () => {
  const now = Date.UTC(2026, 0, 1);

  it.each([
    ['0', 0],
    ['7', 7000],
    [' 120 ', 120_000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
  ])('%j means %i ms from now', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });

  it.each([undefined, '', '-1', '1.5', 'soon', '99999999999', '2026-01-01', 'Thu, 99 Foo 2026 00:00:00 GMT'])(
    '%j means nothing',
    (header) => {
      expect(parseRetryAfter(header, now)).toBeUndefined();
    },
  );
});

describe('the pause before another attempt', () => {
  it('grows, and is at least what the server asks for', () => {
    expect([1, 2].map((failures) => retryPauseMs(failures, undefined))).toEqual([250, 500]);
    expect(retryPauseMs(1, 100)).toBe(250);
    expect(retryPauseMs(1, 2000)).toBe(2000);
    expect(retryPauseMs(1, 30_000)).toBe(30_000);
  });

  it('is not made at all when the server asks for more than half a minute', () => {
    expect(retryPauseMs(1, 30_001)).toBeUndefined();
  });
});
