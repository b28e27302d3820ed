import { checkoutDirectory } from './checkout-directory.js';
import { NATIVE_BINARIES, NATIVE_BINARY_NAMES, type NativeBinaryName } from './native-binaries.js';
import * as failure from './native-binary-error.js';
import { HOST_SYSTEM, type NativeSystem } from './native-system.js';
import { platformPackageBinary } from './platform-package.js';

/** Names a directory that holds every native file of this platform, used instead of any other place. */
export const NATIVE_DIRECTORY_VARIABLE = 'BOXLITE_NATIVE_DIR';

/**
 * Where a native program or library lies. The first of these places decides, the later ones are not looked at:
 *
 * 1. `$BOXLITE_NATIVE_DIR`, if set: an absolute path to a directory that holds all of them;
 * 2. in a source checkout, `native/build` of the package it belongs to: a platform package beside it may be older than the sources;
 * 3. `bin/` of the platform package for this operating system and architecture, which npm installs as an optional dependency.
 *
 * Looks at the file system at each call and never when imported.
 *
 * @param name file name, a key of `NATIVE_BINARIES`
 * @returns an absolute path to a regular file
 * @throws BoxliteError `config_error` when the variable's directory is not complete, `unsupported` where no binaries exist for the platform
 *   or its C library, `native_missing` when they should be there and are not; `details.tried` lists each place and what was wrong with it
 * @example
 * ```ts
 * const supervisor = nativeBinary('boxlite-supervisor');
 * ```
 */
export function nativeBinary(name: NativeBinaryName, system: NativeSystem = HOST_SYSTEM): string {
  const directory = system.environment[NATIVE_DIRECTORY_VARIABLE];
  if (directory !== undefined && directory !== '') return inNamedDirectory(name, directory, system);
  const checkout = checkoutDirectory(system);
  if (checkout !== undefined) return inCheckout(name, checkout, system);
  return platformPackageBinary(name, system);
}

function inNamedDirectory(name: NativeBinaryName, directory: string, system: NativeSystem): string {
  if (!directory.startsWith('/')) throw failure.directoryNotAbsolute(name, directory);
  const missing = NATIVE_BINARY_NAMES.filter((entry) => system.fileBytes(`${directory}/${entry}`) === undefined);
  if (missing.length > 0) throw failure.directoryIncomplete(name, directory, missing);
  return `${directory}/${name}`;
}

function inCheckout(name: NativeBinaryName, checkout: string, system: NativeSystem): string {
  const path = `${checkout}/packages/${NATIVE_BINARIES[name].package}/native/build/${name}`;
  if (system.fileBytes(path) === undefined) throw failure.notBuilt(name, path);
  return path;
}
