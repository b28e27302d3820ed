import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDebianPackages } from './debian-packages.mjs';

/** Of the build program: Debian packages are missing. */
const STATUS_PACKAGES = 3;
const WITHOUT = 'Boxes boot the kernel of libkrunfw, and tests that need ours are skipped';

/**
 * Builds BoxLite's guest kernel into the user's cache where this configuration of it is not there yet: half a second, else some four minutes on two cores,
 * with its progress on stderr.
 * @param {string} root of the checkout
 * @param {{ say: (line: string) => void, ensurePackages?: typeof ensureDebianPackages, run?: typeof runBuild }} options
 * @returns {boolean} false when the build failed; true also where there is nothing to build it with, after saying so
 */
export function ensureGuestKernel(root, { say, ensurePackages = ensureDebianPackages, run = runBuild }) {
  if (!ensurePackages(['kernel'], { say })) {
    say(`BoxLite's own kernel is not built without these packages. ${WITHOUT}`);
    return true;
  }
  const { status, error } = run(join(root, 'packages/guest-kernel/kernel/build-kernel.mjs'));
  if (status === 0) return true;
  if (status === STATUS_PACKAGES) {
    say(WITHOUT);
    return true;
  }
  say(`BoxLite's own kernel could not be built: ${error?.message ?? `npm run build:kernel ended with ${status}`}`);
  return false;
}

/** @param {string} program @returns {{ status: number | null, error?: Error }} */
function runBuild(program) {
  return spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] });
}
