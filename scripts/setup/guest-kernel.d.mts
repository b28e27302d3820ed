import type { ensureDebianPackages } from './debian-packages.mjs';

export function ensureGuestKernel(
  root: string,
  options: {
    say(line: string): void;
    hasSource?(): boolean;
    isCached?(): boolean;
    ensurePackages?: typeof ensureDebianPackages;
    run?(program: string): { readonly status: number | null; readonly error?: Error };
  },
): boolean;
