import type { ensureDebianPackages, isKnownDebianPackage } from './debian-packages.mjs';

export function shareDaemon(): string;
export function ensureShareDaemon(options: {
  say(line: string): void;
  isThere?: boolean;
  isKnown?: typeof isKnownDebianPackage;
  ensurePackages?: typeof ensureDebianPackages;
}): boolean;
