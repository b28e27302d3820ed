import { fileURLToPath } from 'node:url';

/**
 * Where this package keeps the static supervisor program, built by `build:native`. The file may be missing; `launch` then says so.
 * @returns an absolute path
 */
export function supervisorBinaryPath(): string {
  // The same from src/ and from dist/: both lie directly below the package.
  return fileURLToPath(new URL('../native/build/boxlite-supervisor', import.meta.url));
}
