import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * The libkrunfw build that comes with an npm package: Linux 6.12 with virtio-mmio, ext4, erofs, overlayfs, virtiofs, vsock.
 * Pinned by version and content, because it is somebody else's binary. Linux on x86-64 only.
 */
export const PINNED_LIBKRUNFW = {
  packageName: '@superradcompany/microsandbox-linux-x64-gnu',
  version: '0.6.18',
  file: 'lib/libkrunfw.so.5.6.1',
  sha256: 'd395efaa21984cc6934c900519909a12c8148d9688cfc88f9da3b42132ae32c2',
  /** `NR_CPUS` of this build; libkrunfw's own sources say 16. */
  maxVcpus: 64,
} as const;

/**
 * Where Node.js would find the pinned package, first match first.
 * @param directories resolution starts in each of these, as `require` in a file there would
 * @returns absolute package directories, each once
 */
export function resolvePinnedPackage(directories: readonly string[]): readonly string[] {
  const found = directories.flatMap((directory) => {
    try {
      const manifest = createRequire(join(directory, 'resolve.cjs')).resolve(
        `${PINNED_LIBKRUNFW.packageName}/package.json`,
      );
      return [manifest.slice(0, -'/package.json'.length)];
    } catch {
      // Not installed as seen from there; the caller reports the directory among the places looked at.
      return [];
    }
  });
  return [...new Set(found)];
}
