import { BoxliteError, type ErrorCode } from '@boxlite/core';
import { NATIVE_BINARIES, type NativeBinaryName } from './native-binaries.js';
import { type PlatformTarget, platformPackageName } from './platform-target.js';

/** Why a native file was not found: `details.reason` of the error. */
export type NativeBinaryFailure =
  | 'directory-not-absolute'
  | 'directory-incomplete'
  | 'not-built'
  | 'platform-unsupported'
  | 'libc-unsupported'
  | 'other-architecture'
  | 'package-missing'
  | 'package-damaged'
  | 'version-mismatch';

/** A place that was looked at: an element of `details.tried`. */
export interface TriedPlace {
  readonly place: string;
  readonly problem: string;
}

const INSTALL_AGAIN = 'install again with optional dependencies: npm install --include=optional';
const BUILD_YOURSELF =
  'build the native programs from the sources (CONTRIBUTING.md) and name their directory in BOXLITE_NATIVE_DIR';

const DIRECTORY_PLACE = '$BOXLITE_NATIVE_DIR';
const NO_DIRECTORY: TriedPlace = { place: DIRECTORY_PLACE, problem: 'not set' };
const NO_CHECKOUT: TriedPlace = { place: 'source checkout', problem: 'none, this package was installed' };

interface Failure {
  readonly reason: NativeBinaryFailure;
  readonly code: ErrorCode;
  readonly tried: readonly TriedPlace[];
  readonly hint: string;
  readonly field?: string;
}

function failed(name: NativeBinaryName, { reason, code, tried, hint, field }: Failure): BoxliteError {
  const places = tried.map(({ place, problem }) => `${place}: ${problem}`).join('; ');
  return new BoxliteError(code, `${name} (${NATIVE_BINARIES[name].purpose}) was not found. Looked in ${places}`, {
    hint,
    details: { ...(field === undefined ? {} : { field }), binary: name, reason, tried },
  });
}

function directoryFailed(name: NativeBinaryName, reason: NativeBinaryFailure, problem: string, hint: string) {
  const tried = [{ place: DIRECTORY_PLACE, problem }];
  return failed(name, { reason, code: 'config_error', tried, hint, field: 'BOXLITE_NATIVE_DIR' });
}

export function directoryNotAbsolute(name: NativeBinaryName, directory: string): BoxliteError {
  const problem = `${JSON.stringify(directory)} is not an absolute path`;
  return directoryFailed(name, 'directory-not-absolute', problem, 'give an absolute path, or unset the variable');
}

export function directoryIncomplete(
  name: NativeBinaryName,
  directory: string,
  missing: readonly string[],
): BoxliteError {
  const problem = `${directory} lacks ${missing.join(', ')}`;
  return directoryFailed(name, 'directory-incomplete', problem, 'put all native files there, or unset the variable');
}

export function notBuilt(name: NativeBinaryName, path: string): BoxliteError {
  const tried = [NO_DIRECTORY, { place: 'source checkout', problem: `${path} does not exist` }];
  return failed(name, { reason: 'not-built', code: 'native_missing', tried, hint: 'build it: npm run setup' });
}

export function platformUnsupported(name: NativeBinaryName, platform: string, architecture: string): BoxliteError {
  const problem = `there are no binaries for ${platform}-${architecture}`;
  const tried = [NO_DIRECTORY, NO_CHECKOUT, { place: 'platform packages', problem }];
  return failed(name, { reason: 'platform-unsupported', code: 'unsupported', tried, hint: BUILD_YOURSELF });
}

function packageFailed(
  name: NativeBinaryName,
  packageName: string,
  problem: string,
  rest: Pick<Failure, 'reason'> & Partial<Pick<Failure, 'code' | 'hint'>>,
): BoxliteError {
  const tried = [NO_DIRECTORY, NO_CHECKOUT, { place: packageName, problem }];
  return failed(name, { code: 'native_missing', hint: INSTALL_AGAIN, ...rest, tried });
}

export function packageMissing(name: NativeBinaryName, target: PlatformTarget): BoxliteError {
  return packageFailed(name, platformPackageName(target), 'not installed', { reason: 'package-missing' });
}

export function libcUnsupported(name: NativeBinaryName, target: PlatformTarget): BoxliteError {
  return packageFailed(name, platformPackageName(target), 'made for glibc, and this Node.js runs on musl', {
    reason: 'libc-unsupported',
    code: 'unsupported',
    hint: `use a distribution with glibc, or ${BUILD_YOURSELF}`,
  });
}

export function otherArchitecture(
  name: NativeBinaryName,
  target: PlatformTarget,
  installed: PlatformTarget,
): BoxliteError {
  const problem = `not installed, but the package for ${installed} is: node_modules was copied from another machine, or made for another Node.js`;
  return packageFailed(name, platformPackageName(target), problem, {
    reason: 'other-architecture',
    hint: `remove node_modules and run npm install on this machine, with the Node.js that will run BoxLite (${target})`,
  });
}

export function versionMismatch(
  name: NativeBinaryName,
  packageName: string,
  wanted: string,
  found: string,
): BoxliteError {
  const problem = `version ${found} is installed, @boxlite/platform is ${wanted}`;
  return packageFailed(name, packageName, problem, { reason: 'version-mismatch' });
}

export function packageDamaged(
  name: NativeBinaryName,
  packageName: string,
  path: string,
  bytes: number | undefined,
  expected: number | undefined,
): BoxliteError {
  const found = bytes === undefined ? 'does not exist' : `has ${bytes} bytes`;
  const listed = expected === undefined ? 'does not list it' : `says ${expected} bytes`;
  const problem = `${path} ${found}, its manifest ${listed}`;
  return packageFailed(name, packageName, problem, { reason: 'package-damaged' });
}
