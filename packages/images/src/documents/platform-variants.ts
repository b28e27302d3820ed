import type { Platform } from '@boxlite/core';

/** Names in the wild for one architecture, in the words of Go (containerd's `platforms` package takes the same). */
const ARCHITECTURES: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};
/** What an architecture is without a variant. */
const BASE_VARIANT: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };
/** The oldest ARM there are images for. */
const OLDEST_ARM = 5;

/** A platform in the words of the OCI image-spec: one name an architecture, and the variant always said where there are any. */
export function normalizePlatform(platform: {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}): Platform {
  const named = platform.architecture.toLowerCase();
  const { architecture, variant: implied } = ARCHITECTURES[named] ?? { architecture: named };
  const given = platform.variant?.toLowerCase() || implied;
  const variant = (given === undefined ? undefined : given.replace(/^(?=\d)/, 'v')) ?? BASE_VARIANT[architecture];
  return { os: platform.os.toLowerCase(), architecture, ...(variant === undefined ? {} : { variant }) };
}

/**
 * How well an image for one platform runs on another: 0 is best, undefined not at all. A machine runs what was built for its own variant and for
 * the older ones: amd64 v3 runs v3, v2, v1; arm v7 runs v7, v6, v5; arm64 is v8. Where the machine's variant is not known it is the plain one, and
 * architectures that have no order of variants take any that was not asked for.
 */
export function platformRank(offered: Platform, wanted: Platform): number | undefined {
  const [has, needs] = [normalizePlatform(offered), normalizePlatform(wanted)];
  if (has.os !== needs.os || has.architecture !== needs.architecture) return undefined;
  if (has.variant === needs.variant) return 0;
  if (BASE_VARIANT[needs.architecture] === undefined) return wanted.variant === undefined ? 1 : undefined;
  const rank = runnableVariants(needs).indexOf(has.variant ?? '');
  return rank < 0 ? undefined : rank;
}

/** Newest first. */
function runnableVariants({ architecture, variant = '' }: Platform): readonly string[] {
  const [, major, minor] = /^v(\d{1,2})(?:\.(\d{1,2}))?$/.exec(variant) ?? [];
  if (major === undefined) return [variant];
  const oldest = architecture === 'arm' ? OLDEST_ARM : Number(BASE_VARIANT[architecture]?.slice(1));
  const variants = Array.from(
    { length: Math.max(0, Number(major) - oldest + 1) },
    (_, age) => `v${Number(major) - age}`,
  );
  // v8.2 runs v8.2, v8.1 and v8 (which is v8.0), then v7 and so on.
  const minors = Array.from({ length: Number(minor ?? 0) }, (_, age) => `v${major}.${Number(minor) - age}`);
  return [...minors, ...variants];
}
