import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type HostLibc, hostLibc } from './host-libc.js';

/** What the loader asks of the world; a test gives its own. */
export interface NativeSystem {
  readonly platform: string;
  readonly architecture: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where this package lies, absolute, links resolved. */
  readonly packageDirectory: string;
  libc(): HostLibc;
  /** Directory of an installed package as seen from this one; undefined when it is not installed. */
  packageDirectoryOf(name: string): string | undefined;
  /** Size of a regular file in bytes; undefined when there is none. */
  fileBytes(path: string): number | undefined;
  /** Parsed JSON; undefined when the file is missing or is no JSON. */
  json(path: string): unknown;
}

const require = createRequire(import.meta.url);

/** This process and its file system. */
export const HOST_SYSTEM: NativeSystem = {
  platform: process.platform,
  architecture: process.arch,
  get environment() {
    return process.env;
  },
  // The same from src/ and from dist/: both lie directly below the package.
  packageDirectory: fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, ''),
  libc: hostLibc,
  packageDirectoryOf(name) {
    try {
      return require.resolve(`${name}/package.json`).slice(0, -'/package.json'.length);
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === 'MODULE_NOT_FOUND') return undefined;
      throw thrown;
    }
  },
  fileBytes(path) {
    try {
      const stat = statSync(path);
      return stat.isFile() ? stat.size : undefined;
    } catch {
      // Missing, below something that is no directory, or in a directory closed to us: it cannot be used either way.
      return undefined;
    }
  },
  json(path) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      // Missing or damaged is one thing to the caller: it reports the package as incomplete, with the path.
      return undefined;
    }
  },
};
