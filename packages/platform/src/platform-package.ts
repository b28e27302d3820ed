import type { NativeBinaryName } from './native-binaries.js';
import * as failure from './native-binary-error.js';
import type { NativeSystem } from './native-system.js';
import {
  BUILT_TARGETS,
  PLATFORM_TARGETS,
  type PlatformTarget,
  platformPackageName,
  platformTarget,
} from './platform-target.js';

/** Where the build writes a set's manifest, below the platform package. */
export const PLATFORM_MANIFEST_PATH = 'bin/manifest.json';

/**
 * Finds a file in the installed platform package.
 * @throws BoxliteError `unsupported`, `native_missing`
 */
export function platformPackageBinary(name: NativeBinaryName, system: NativeSystem): string {
  const { platform, architecture } = system;
  const target = platformTarget(platform, architecture);
  if (target === undefined || !isBuilt(target)) throw failure.platformUnsupported(name, platform, architecture);
  const packageName = platformPackageName(target);
  const directory = system.packageDirectoryOf(packageName);
  if (directory === undefined) throw notInstalled(name, target, system);
  checkVersion(name, packageName, directory, system);
  const path = `${directory}/bin/${name}`;
  const bytes = system.fileBytes(path);
  const expected = manifestBytes(system.json(`${directory}/${PLATFORM_MANIFEST_PATH}`), name);
  if (bytes === undefined || bytes !== expected) throw failure.packageDamaged(name, packageName, path, bytes, expected);
  return path;
}

function isBuilt(target: PlatformTarget): boolean {
  return (BUILT_TARGETS as readonly PlatformTarget[]).includes(target);
}

function notInstalled(name: NativeBinaryName, target: PlatformTarget, system: NativeSystem) {
  if (system.libc().family === 'musl') return failure.libcUnsupported(name, target);
  const other = PLATFORM_TARGETS.find(
    (candidate) => candidate !== target && system.packageDirectoryOf(platformPackageName(candidate)) !== undefined,
  );
  if (other !== undefined) return failure.otherArchitecture(name, target, other);
  return failure.packageMissing(name, target);
}

/** The packages are published together; a mixture was never tested, and the launch formats between them may differ. */
function checkVersion(name: NativeBinaryName, packageName: string, directory: string, system: NativeSystem): void {
  const wanted = versionIn(system.json(`${system.packageDirectory}/package.json`));
  const found = versionIn(system.json(`${directory}/package.json`));
  if (wanted !== found) throw failure.versionMismatch(name, packageName, wanted, found);
}

function versionIn(manifest: unknown): string {
  const { version } = (manifest ?? {}) as { version?: unknown };
  return typeof version === 'string' ? version : 'unknown';
}

/** Size of a file in the set's manifest; undefined when it is not listed. */
function manifestBytes(manifest: unknown, name: NativeBinaryName): number | undefined {
  const { files } = (manifest ?? {}) as { files?: Record<string, { size?: unknown }> };
  const size = files?.[name]?.size;
  return typeof size === 'number' ? size : undefined;
}
