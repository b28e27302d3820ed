import { BoxliteError, escapeText, type Platform } from '@boxlite/core';
import type { IndexEntry } from './image-documents.js';

const OCI_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };

/** `linux` and this machine's architecture in OCI words. */
export function hostPlatform(architecture: string = process.arch): Platform {
  return { os: 'linux', architecture: OCI_ARCHITECTURE[architecture] ?? architecture };
}

/** Exact in os and architecture; the variant counts only when it was asked for. */
export function platformMatches(offered: Platform, wanted: Platform): boolean {
  return (
    offered.os === wanted.os &&
    offered.architecture === wanted.architecture &&
    (wanted.variant === undefined || offered.variant === wanted.variant)
  );
}

/**
 * The entry of an index to use: the first of the wanted platform; else, when the index has one entry only and that does not
 * say its platform, that one (its configuration, or the index it is, is checked later).
 * @throws BoxliteError `platform_mismatch` listing what there is
 */
export function choosePlatform(entries: readonly IndexEntry[], wanted: Platform, image: string): IndexEntry {
  const exact = entries.find((entry) => entry.platform != null && platformMatches(normalize(entry.platform), wanted));
  if (exact !== undefined) return exact;
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && only.platform == null) return only;
  throw platformMismatch(
    image,
    wanted,
    entries.flatMap((entry) => (entry.platform == null ? [] : [normalize(entry.platform)])),
  );
}

/** @param available the platforms the image exists for */
export function platformMismatch(image: string, wanted: Platform, available: readonly Platform[]): BoxliteError {
  const names = [...new Set(available.map(formatPlatform))].filter((name) => !name.startsWith('unknown/'));
  const list = names.length === 0 ? 'none' : names.slice(0, 32).join(', ');
  return new BoxliteError(
    'platform_mismatch',
    escapeText(
      `image "${image}" is for another architecture: wanted ${formatPlatform(wanted)}, available: ${list}`,
      2000,
    ),
    {
      hint: `use an image built for ${formatPlatform(wanted)}`,
      details: { field: 'image', wanted: formatPlatform(wanted), available: names },
    },
  );
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/');
}

function normalize(platform: { os: string; architecture: string; variant?: string | undefined }): Platform {
  const { os, architecture, variant } = platform;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
