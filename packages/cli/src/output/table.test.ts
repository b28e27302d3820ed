import { describe, expect, it } from 'vitest';
import { formatTable } from './table.js';

describe('a table', () => {
  it('aligns its columns and pads none after the last', () => {
    expect(formatTable(['A', 'BOX'], [['long', 'x']])).toBe('A      BOX\nlong   x');
  });

  it('shows control characters of names instead of obeying them', () => {
    const table = formatTable(['IMAGE', 'ID'], [['oci:/tmp/\x1b]0;title\x07', '1']]);
    expect(table).not.toMatch(/[\x00-\x09\x0b-\x1f]/u);
    expect(table).toContain('\\x1b]0;title\\x07   1');
  });
});
