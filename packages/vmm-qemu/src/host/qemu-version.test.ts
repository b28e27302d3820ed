import { describe, expect, it } from 'vitest';
import { isQemuSince, isSupportedQemu, parseQemuVersion } from './qemu-version.js';

describe('the version of QEMU', () => {
  it.each([
    ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright (c)', '7.2.22', true],
    ['QEMU emulator version 10.0\n', '10.0', true],
    ['QEMU emulator version 6.2.0\n', '6.2.0', false],
  ])('is read from %j', (text, version, isSupported) => {
    expect(parseQemuVersion(text)).toBe(version);
    expect(isSupportedQemu(version)).toBe(isSupported);
  });

  it.each([
    ['8.2.0', true],
    ['8.10.1', true],
    ['10.0.13', true],
    ['8.1.5', false],
    ['7.2.22', false],
    ['', false],
    ['nonsense', false],
  ])('%j is 8.2 or newer: %s', (version, isSince) => {
    expect(isQemuSince(version, 8, 2)).toBe(isSince);
  });

  it('is unknown for another program', () => {
    expect(parseQemuVersion('BusyBox v1.35')).toBeUndefined();
  });
});
