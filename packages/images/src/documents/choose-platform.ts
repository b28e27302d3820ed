import { BoxliteError, escapeText, type Platform } from '@boxlite/core';
import type { IndexEntry } from './image-documents.js';
import { documentKind } from './media-types.js';
import { normalizePlatform, platformRank } from './platform-variants.js';

const OCI_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };
/** What buildkit marks entries with that say something about an image and are none. */
const REFERENCE_TYPE = 'vnd.docker.reference.type';

/** `linux` and this machine's architecture in OCI words. */
export function hostPlatform(architecture: string = process.arch): Platform {
  return { os: 'linux', architecture: OCI_ARCHITECTURE[architecture] ?? architecture };
}

/** True for the same os and architecture, under whatever name; variants are left aside. */
export function isSameArchitecture(offered: Platform, wanted: Platform): boolean {
  const [has, needs] = [normalizePlatform(offered), normalizePlatform(wanted)];
  return has.os === needs.os && has.architecture === needs.architecture;
}

/**
 * The entries of an index to follow, best first: that of the wanted platform whose variant fits best; else those that are indexes themselves and
 * say no platform; else, when there is only one image, that one although it says none (its configuration is checked later). Attestations and what
 * is no image are passed over.
 * @param image the reference, for errors
 * @throws BoxliteError `platform_mismatch` listing what there is
 */
export function choosePlatform(
  entries: readonly IndexEntry[],
  wanted: Platform,
  image: string,
): readonly [IndexEntry, ...IndexEntry[]] {
  const images = distinct(
    entries.filter((entry) => !isAttestation(entry) && documentKind(entry.mediaType) !== undefined),
  );
  const [best] = images
    .flatMap((entry) => {
      const rank = entry.platform == null ? undefined : platformRank(platformOf(entry.platform), wanted);
      return rank === undefined ? [] : [{ entry, rank }];
    })
    .sort((a, b) => a.rank - b.rank);
  if (best !== undefined) return [best.entry];
  const silent = images.filter((entry) => entry.platform == null);
  const [first, ...rest] =
    silent.length === 1 ? silent : silent.filter(({ mediaType }) => documentKind(mediaType) === 'index');
  if (first !== undefined) return [first, ...rest];
  throw platformMismatch(
    image,
    wanted,
    entries.flatMap((entry) => (entry.platform == null ? [] : [platformOf(entry.platform)])),
  );
}

/** True for what buildkit stores beside an image: provenance and bills of material. */
export function isAttestation({ platform, annotations }: IndexEntry): boolean {
  return (
    annotations?.[REFERENCE_TYPE] !== undefined || (platform?.os === 'unknown' && platform.architecture === 'unknown')
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

/** Several names of one image are several entries. */
function distinct(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  return [
    ...new Map(entries.map((entry) => [`${entry.digest} ${JSON.stringify(entry.platform ?? null)}`, entry])).values(),
  ];
}

function platformOf(platform: { os: string; architecture: string; variant?: string | undefined }): Platform {
  const { os, architecture, variant } = platform;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
