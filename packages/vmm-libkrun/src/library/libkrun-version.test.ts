import { describe, expect, it } from 'vitest';
import { LIBKRUN_SYMBOLS, LIBKRUN_SYMBOLS_BY_RELEASE } from './libkrun-symbols.js';
import { compareVersions, leastVersionWith, versionFromFileName } from './libkrun-version.js';

describe('leastVersionWith', () => {
  it('tells the newest release among those that brought the functions, comparing numbers and not letters', () => {
    expect(leastVersionWith(new Set(['krun_create_ctx', 'krun_add_disk']))).toBe('1.9.5');
    expect(leastVersionWith(new Set(['krun_add_disk', 'krun_add_disk2']))).toBe('1.10.0');
    expect(leastVersionWith(new Set(LIBKRUN_SYMBOLS))).toBe('1.19.0');
  });

  it('knows nothing of a library without a function of libkrun', () => {
    expect(leastVersionWith(new Set(['krunfw_get_kernel']))).toBeUndefined();
  });
});

describe('versionFromFileName', () => {
  it('reads the version of the real file, on Linux and on macOS', () => {
    expect(versionFromFileName('/usr/lib64/libkrun.so.1.17.4', '1.17.3')).toBe('1.17.4');
    expect(versionFromFileName('/opt/homebrew/lib/libkrun.1.18.0.dylib', undefined)).toBe('1.18.0');
  });

  it('does not believe a name that its functions contradict, and reads none from a bare soname', () => {
    expect(versionFromFileName('/usr/lib64/libkrun.so.1.9.0', '1.17.3')).toBeUndefined();
    expect(versionFromFileName('/usr/lib64/libkrun.so.1', '1.17.3')).toBeUndefined();
    expect(versionFromFileName('/usr/lib64/libkrunfw.so.5.6.1', undefined)).toBeUndefined();
  });
});

describe('the table of functions', () => {
  it('lists each function once, and the releases from old to new', () => {
    expect(new Set(LIBKRUN_SYMBOLS).size).toBe(LIBKRUN_SYMBOLS.length);
    const releases = Object.keys(LIBKRUN_SYMBOLS_BY_RELEASE);
    expect([...releases].sort(compareVersions)).toEqual(releases);
  });
});
