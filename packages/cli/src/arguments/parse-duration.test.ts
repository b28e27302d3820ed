import { describe, expect, it } from 'vitest';
import { parseDuration } from './parse-duration.js';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['1h30m', 5_400_000],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration('auto-pause', text)).toBe(milliseconds);
  });

  it.each(['', '30', 's', '-1s', '1w', '1s '])('%j is none, and the error names the option', (text) => {
    expect(() => parseDuration('auto-pause', text)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'auto-pause' } }),
    );
  });
});
