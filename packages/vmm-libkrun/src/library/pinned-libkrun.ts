import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A libkrun in somebody else's npm package. */
export interface PinnedLibkrun {
  readonly packageName: string;
  /** The package's version, which must be exactly this. */
  readonly packageVersion: string;
  /** Path in the package. */
  readonly file: string;
  /** Hex, of that file. */
  readonly sha256: string;
  /** Version of libkrun that the file is. */
  readonly libraryVersion: string;
}

/**
 * The libkrun that npm can bring, by `process.platform` and `process.arch`: with block devices, network cards, vsock and consoles. Pinned by
 * version and content, because it is somebody else's binary.
 */
export const PINNED_LIBKRUN: Readonly<Record<string, PinnedLibkrun>> = {
  'linux-x64': {
    packageName: '@earendil-works/gondolin-krun-runner-linux-x64',
    packageVersion: '0.12.0',
    file: 'lib/libkrun.so.1',
    sha256: 'd3184f89f29cfb99ecc0fa231fbdb3363e22d9efe061be6a69bc3ef687950244',
    libraryVersion: '1.17.4',
  },
};

/**
 * Where Node.js would find a package, first match first.
 * @param directories resolution starts in each of these, as `require` in a file there would
 * @returns absolute package directories, each once
 */
export function packageDirectories(packageName: string, directories: readonly string[]): readonly string[] {
  const found = directories.flatMap((directory) => {
    try {
      const manifest = createRequire(join(directory, 'resolve.cjs')).resolve(`${packageName}/package.json`);
      return [manifest.slice(0, -'/package.json'.length)];
    } catch {
      // Not installed as seen from there: the caller reports the package as not installed.
      return [];
    }
  });
  return [...new Set(found)];
}
