import { existsSync } from 'node:fs';
import { ensureDebianPackages, isKnownDebianPackage } from './debian-packages.mjs';

/** Where Debian has it: in QEMU's package up to 12, in one of its own since 13. Both take the options of the first. */
const PLACES = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'];
const PACKAGE = 'virtiofsd';

/** The program that shares directories with the machines of the tests; the usual place where there is none. */
export function shareDaemon() {
  return PLACES.find(existsSync) ?? PLACES[0];
}

/**
 * After the other packages, one of which may have brought it.
 * @param {{ say: (line: string) => void, isThere?: boolean, isKnown?: typeof isKnownDebianPackage, ensurePackages?: typeof ensureDebianPackages }} options
 * @returns {boolean} false after saying what is missing
 */
export function ensureShareDaemon({
  say,
  isThere = PLACES.some(existsSync),
  isKnown = isKnownDebianPackage,
  ensurePackages = ensureDebianPackages,
}) {
  if (isThere || !isKnown(PACKAGE)) return true;
  const missing = new Map([[PACKAGE, 'shares directories with machines of the tests']]);
  return ensurePackages(['test'], { say, missing });
}
