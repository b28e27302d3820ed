import { describe, expect, it } from 'vitest';
import { parseUntil } from './parse-until.js';

const NOW = Date.parse('2026-06-15T12:00:00Z');

describe('--filter until=', () => {
  it.each([
    ['until=24h', '2026-06-14T12:00:00.000Z'],
    ['until=1h30m', '2026-06-15T10:30:00.000Z'],
    ['until=7d', '2026-06-08T12:00:00.000Z'],
    ['until=0.5h', '2026-06-15T11:30:00.000Z'],
    ['until=1780000000', '2026-05-28T20:26:40.000Z'],
    ['until=2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
  ])('%s is %s', (filter, moment) => {
    expect(parseUntil([filter], NOW)?.toISOString()).toBe(moment);
  });

  it('takes the earliest of several, and is no bound without any', () => {
    expect(parseUntil(['until=1h', 'until=3h', 'until=2h'], NOW)?.toISOString()).toBe('2026-06-15T09:00:00.000Z');
    expect(parseUntil([], NOW)).toBeUndefined();
  });

  it.each(['until=', 'until=soon', 'label=x', 'until=1y', 'until=-1h', 'until=2026-13-45', '24h'])(
    'refuses %s',
    (filter) => {
      expect(() => parseUntil([filter], NOW)).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details: { field: 'filter' } }),
      );
    },
  );
});
