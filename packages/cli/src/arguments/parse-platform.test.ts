import { describe, expect, it } from 'vitest';
import { parsePlatform } from './parse-platform.js';

describe('--platform', () => {
  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['Linux/AArch64', { os: 'linux', architecture: 'arm64' }],
    ['x86_64', { os: 'linux', architecture: 'amd64' }],
    ['arm64', { os: 'linux', architecture: 'arm64' }],
  ])('%s is read as Docker reads it', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it.each(['', '/', 'linux/', 'windows/amd64', 'linux/a/b/c', 'linux/ amd64', '../amd64'])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'platform' } }),
    );
  });
});
