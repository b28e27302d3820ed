import { describe, expect, it } from 'vitest';
import { libraryNames, systemLibraryDirectories } from './system-library-directories.js';

describe('systemLibraryDirectories', () => {
  it('follows the conventions of each system and architecture', () => {
    expect(systemLibraryDirectories('linux', 'x64')).toEqual([
      '/usr/lib/x86_64-linux-gnu',
      '/usr/lib64',
      '/usr/lib',
      '/usr/local/lib/x86_64-linux-gnu',
      '/usr/local/lib64',
      '/usr/local/lib',
    ]);
    expect(systemLibraryDirectories('linux', 'arm64')[0]).toBe('/usr/lib/aarch64-linux-gnu');
    expect(systemLibraryDirectories('darwin', 'arm64')).toEqual(['/opt/homebrew/lib', '/usr/local/lib']);
    expect(systemLibraryDirectories('win32', 'x64')).toEqual([]);
  });
});

describe('libraryNames', () => {
  it('puts the soname first, then the newest, and passes over everything else', () => {
    const names = [
      'libkrun.so',
      'libkrun.so.1.9.5',
      'libkrun.so.2',
      'libkrun.so.1.17.4',
      'libkrun.so.1',
      'libkrunfw.so.5',
    ];
    expect(libraryNames(names, 'linux')).toEqual(['libkrun.so.1', 'libkrun.so.1.17.4', 'libkrun.so.1.9.5']);
    expect(libraryNames(['libkrun.1.dylib', 'libkrun.dylib'], 'darwin')).toEqual(['libkrun.1.dylib']);
    expect(libraryNames(['libkrun-sev.so.1', 'libkrun.so.1.old'], 'linux')).toEqual([]);
  });
});
