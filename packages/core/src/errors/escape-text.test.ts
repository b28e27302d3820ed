import { describe, expect, it } from 'vitest';
import { escapeLine, escapeText } from './escape-text.js';

/** What a guest, an image or a VMM may write, and what must be left of it for a person. */
const HOSTILE = [
  ['an escape sequence', '\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
  ['a hyperlink (OSC 8)', '\u001b]8;;https://x\u001b\\click', '\\x1b]8;;https://x\\x1b\\click'],
  ['a C1 control', '\u009b31m\u0090q\u009c', '\\x9b31m\\x90q\\x9c'],
  ['an overwritten line', 'ok\r\bfailed\u007f', 'ok\\x0d\\x08failed\\x7f'],
  ['turned text', 'a\u202eb\u2066c\u061cd\u200fe', 'a\\x202eb\\x2066c\\x61cd\\x200fe'],
  ['other ends of a line', 'a\u2028b\u2029c\u0085d', 'a\\x2028b\\x2029c\\x85d'],
] as const;

describe('control characters are escaped before a person sees them', () => {
  it.each(HOSTILE)('%s', (_what, text, shown) => {
    expect(escapeText(text)).toBe(shown);
    expect(escapeLine(text)).toBe(shown);
  });

  it('but for line breaks and tabs, where text may have several lines', () => {
    expect(escapeText('a\n\tb')).toBe('a\n\tb');
    expect(escapeLine('a\n\tb')).toBe('a\\n\\tb');
  });

  it('and what is too long is cut, with a note of how much is missing', () => {
    expect(escapeText('abcdef', 4)).toBe('abcd… (2 more)');
  });
});
