/** Platforms that have a package: `<process.platform>-<process.arch>`. */
export const PLATFORM_TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64'] as const;

/** One of {@link PLATFORM_TARGETS}. */
export type PlatformTarget = (typeof PLATFORM_TARGETS)[number];

/** Targets whose package holds binaries; `darwin-arm64` is sources and a list of what to build from them. */
export const BUILT_TARGETS = ['linux-x64', 'linux-arm64'] as const satisfies readonly PlatformTarget[];

/**
 * @param platform as `process.platform`
 * @param architecture as `process.arch`
 * @returns the target, or undefined where there is no package
 */
export function platformTarget(platform: string, architecture: string): PlatformTarget | undefined {
  return PLATFORM_TARGETS.find((target) => target === `${platform}-${architecture}`);
}

/** The npm package of a target. */
export function platformPackageName(target: PlatformTarget): string {
  return `@boxlite/platform-${target}`;
}
