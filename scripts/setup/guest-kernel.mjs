import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCE_PACKAGE, SOURCE_TARBALL } from '../../packages/guest-kernel/kernel/build/obstacles.mjs';
import { cachedKernel, hostTarget } from '../../packages/guest-kernel/kernel/index.mjs';
import { ensureDebianPackages, isKnownDebianPackage } from './debian-packages.mjs';

/** Of the build program: Debian packages are missing. */
const STATUS_PACKAGES = 3;
const WITHOUT = 'Boxes boot the kernel of libkrunfw, and tests that need ours are skipped';

/**
 * Builds BoxLite's guest kernel into the user's cache where this configuration of it is not there yet: half a second, else some four minutes on two cores,
 * with its progress on stderr.
 * @param {string} root of the checkout
 * @param {{ say: (line: string) => void, hasSource?: typeof canHaveSource, isCached?: typeof isInCache, ensurePackages?: typeof ensureDebianPackages,
 *   run?: typeof runBuild }} options
 * @returns {boolean} false when the build failed; true also where there is nothing to build it with, after saying so
 */
export function ensureGuestKernel(
  root,
  { say, hasSource = canHaveSource, isCached = isInCache, ensurePackages = ensureDebianPackages, run = runBuild },
) {
  if (!hasSource()) {
    if (!isCached())
      say(`Debian 12's ${SOURCE_PACKAGE}, of which BoxLite's own kernel is built, is not to be had here. ${WITHOUT}`);
    return true;
  }
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

/** Other releases of Debian have the source of other kernels. */
function canHaveSource() {
  return existsSync(SOURCE_TARBALL) || isKnownDebianPackage(SOURCE_PACKAGE);
}

/** From another machine, or from before this one became newer. */
function isInCache() {
  const target = hostTarget();
  return target !== undefined && cachedKernel(target) !== undefined;
}

/** @param {string} program @returns {{ status: number | null, error?: Error }} */
function runBuild(program) {
  return spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] });
}
