import { BoxliteError, type Platform } from '@boxlite/core';

/** What uname calls them, by what OCI images do. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', i386: '386', i686: '386' };
const PART = /^[a-z0-9][a-z0-9._-]*$/;

/**
 * Docker's `--platform`: `linux/arm64`, `linux/arm/v7`, or an architecture alone.
 * @throws BoxliteError `invalid_argument` (field `platform`)
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  const [os, architecture, variant] = parts.length === 1 ? ['linux', ...parts] : parts;
  const given = [os, architecture, ...(variant === undefined ? [] : [variant])];
  const wellFormed = parts.length <= 3 && given.every((part) => part !== undefined && PART.test(part));
  if (wellFormed && os === 'linux' && architecture !== undefined) {
    const name = ARCHITECTURES[architecture] ?? architecture;
    return { os, architecture: name, ...(variant === undefined ? {} : { variant }) };
  }
  const why = wellFormed ? 'is not linux: boxes run nothing else' : 'is not OS/ARCHITECTURE[/VARIANT]';
  throw new BoxliteError('invalid_argument', `--platform ${JSON.stringify(text.slice(0, 80))} ${why}`, {
    hint: 'write --platform linux/amd64 or linux/arm64',
    details: { field: 'platform' },
  });
}
