import { describe, expect, it } from 'vitest';
import { packageEntry } from './package-entry.js';

describe('packageEntry', () => {
  it.each([
    [{}, 'index.js'],
    [{ main: './lib.js' }, './lib.js'],
    [{ main: 7 }, 'index.js'],
    [null, 'index.js'],
    [{ main: 'old.js', exports: './new.js' }, './new.js'],
    [{ exports: { types: './a.d.ts', require: './a.cjs', import: './a.js', default: './b.js' } }, './a.js'],
    [{ exports: { '.': { browser: './a.js', node: { import: './n.js' } }, './x': './x.js' } }, './n.js'],
    [{ exports: { '.': [{ browser: './a.js' }, './fallback.js'] } }, './fallback.js'],
    [{ exports: { './only': './x.js' } }, undefined],
    [{ exports: null }, undefined],
  ])('of %j is %j', (manifest, entry) => {
    expect(packageEntry(manifest)).toBe(entry);
  });
});
