import { describe, expect, it } from 'vitest';
import { parseEntryPath } from './entry-path.js';
import { parseWhiteout } from './whiteout.js';

describe('paths of entries', () => {
  it.each([
    ['a/b', ['a', 'b']],
    ['./a//b/./', ['a', 'b']],
    ['/absolute/name', ['absolute', 'name']],
    ['a/../b', ['b']],
    ['', []],
    ['./', []],
  ])('%j leads to %j below the root', (name, expected) => {
    expect(parseEntryPath(name, 'name')).toEqual(expected);
  });

  it.each(['..', '../x', 'a/../../x', '/..', './../etc/passwd'])(
    '%j leaves the root and is an error that names the entry',
    (name) => {
      expect(() => parseEntryPath(name, 'name')).toThrow(
        expect.objectContaining({ code: 'layer_escapes', details: { field: 'name', entry: name } }),
      );
    },
  );

  it('may have components of 255 bytes and 4096 bytes in all, no more', () => {
    expect(parseEntryPath('n'.repeat(255), 'name')).toHaveLength(1);
    expect(parseEntryPath('n/'.repeat(2048), 'name')).toHaveLength(2048);
    expect(() => parseEntryPath('n'.repeat(256), 'name')).toThrow(expect.objectContaining({ code: 'layer_invalid' }));
    expect(() => parseEntryPath('n/'.repeat(2049), 'name')).toThrow(
      expect.objectContaining({
        code: 'resource_exhausted',
        details: expect.objectContaining({ field: 'maxPathBytes', limit: 4096 }),
      }),
    );
  });

  it('have no NUL in them, wherever they come from', () => {
    expect(() => parseEntryPath('a\0b', 'linkName', 'entry')).toThrow(
      expect.objectContaining({ code: 'layer_invalid', details: { field: 'linkName', entry: 'entry' } }),
    );
  });
});

describe('whiteouts', () => {
  it.each([
    ['ordinary', undefined],
    ['.whatever', undefined],
    ['.wh..wh..opq', { kind: 'opaque' }],
    ['.wh.gone', { kind: 'remove', name: 'gone' }],
    ['.wh..hidden', { kind: 'remove', name: '.hidden' }],
    ['.wh..wh.plnk', { kind: 'ignored' }],
  ])('%j means %j', (name, expected) => {
    expect(parseWhiteout(name)).toEqual(expected);
  });

  it.each(['.wh.', '.wh..', '.wh...'])('%j names nothing and is an error', (name) => {
    expect(() => parseWhiteout(name)).toThrow(expect.objectContaining({ code: 'layer_invalid' }));
  });
});
