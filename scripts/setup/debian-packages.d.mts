type PackageGroup = 'build' | 'run' | 'kernel' | 'test';
export const DEBIAN_PACKAGES: Readonly<Record<PackageGroup, Readonly<Record<string, string>>>>;
export function missingDebianPackages(groups: readonly PackageGroup[]): Map<string, string>;
export function isKnownDebianPackage(name: string, list?: (prefix: string) => string): boolean;
export function installCommands(names: readonly string[]): string[][];
export function ensureDebianPackages(
  groups: readonly PackageGroup[],
  options: { say(line: string): void; isRoot?: boolean; missing?: Map<string, string> },
): boolean;
