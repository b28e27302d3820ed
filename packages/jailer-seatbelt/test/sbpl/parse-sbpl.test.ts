import { describe, expect, it } from 'vitest';
import { parseSbpl } from './parse-sbpl.js';

describe('the reader of profiles in these tests', () => {
  it('reads forms, symbols, strings and comments', () => {
    expect(parseSbpl('; ) ( "\n(version 1)(allow file-read* ; here (too\n (literal "/a b"))')).toEqual([
      [{ symbol: 'version' }, { symbol: '1' }],
      [{ symbol: 'allow' }, { symbol: 'file-read*' }, [{ symbol: 'literal' }, '/a b']],
    ]);
  });

  it.each([
    ['a quote and a backslash', '(x "a\\"b\\\\c")', 'a"b\\c'],
    ['line ends, tabs and carriage returns', '(x "\\n\\t\\r")', '\n\t\r'],
    ['bytes in hexadecimal and octal', '(x "\\x41\\102")', 'AB'],
    ['any other character stands for itself', '(x "\\q\\(")', 'q('],
    ['comments and parentheses are text in a string', '(x "; ) #| \n(deny")', '; ) #| \n(deny'],
  ])('reads strings as TinyScheme does: %s', (_, text, value) => {
    expect(parseSbpl(text)).toEqual([[{ symbol: 'x' }, value]]);
  });

  it('reads a regular expression raw: a quote ends it whatever stands before', () => {
    expect(parseSbpl('(regex #"^/a\\.b$")')).toEqual([[{ symbol: 'regex' }, { regex: '^/a\\.b$' }]]);
    expect(() => parseSbpl('(regex #"a\\"b")')).toThrow(SyntaxError);
  });

  it.each(['(', '(a))', 'a', '"a"', '(a "b)', '(a "b\\'])('refuses %s', (text) => {
    expect(() => parseSbpl(text)).toThrow(SyntaxError);
  });
});
