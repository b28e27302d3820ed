import { basename } from 'node:path';
import { LIBKRUN_SYMBOLS_BY_RELEASE } from './libkrun-symbols.js';

/** `libkrun.so.1.17.4` (Linux) or `libkrun.1.17.4.dylib` (macOS). */
const VERSIONED_NAME = /^libkrun(?:\.so)?\.(\d{1,4}\.\d{1,4}\.\d{1,4})(?:\.dylib)?$/;

/**
 * The least version of libkrun that has all these functions. The library has no way to say its version, so this is a lower bound.
 * @param symbols what the library exports
 */
export function leastVersionWith(symbols: ReadonlySet<string>): string | undefined {
  const releases = Object.entries(LIBKRUN_SYMBOLS_BY_RELEASE)
    .filter(([, names]) => names.some((name) => symbols.has(name)))
    .map(([release]) => release);
  return releases.reduce<string | undefined>(
    (newest, release) => (newest === undefined || compareVersions(release, newest) > 0 ? release : newest),
    undefined,
  );
}

/**
 * The version in a library's file name, if its functions do not contradict it: who renames a file may be wrong.
 * @param path with links resolved, since `libkrun.so.1` is normally a link to the file that names the version
 * @param least lower bound from {@link leastVersionWith}
 */
export function versionFromFileName(path: string, least: string | undefined): string | undefined {
  const named = VERSIONED_NAME.exec(basename(path))?.[1];
  if (named === undefined || (least !== undefined && compareVersions(named, least) < 0)) return undefined;
  return named;
}

/** Negative, zero or positive, as `a` is older than, the same as, or newer than `b`. Both are three numbers with dots. */
export function compareVersions(a: string, b: string): number {
  const right = b.split('.').map(Number);
  for (const [index, number] of a.split('.').map(Number).entries()) {
    const difference = number - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
