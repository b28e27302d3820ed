#!/usr/bin/env node
// Brings a fresh machine to where the demo and the tests run; quick when nothing is to be done.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDebianPackages } from './setup/debian-packages.mjs';
import { ensureGuestKernel } from './setup/guest-kernel.mjs';
import { ensureNpmPackages, ensurePnpm } from './setup/pnpm.mjs';
import { ensureShareDaemon } from './setup/share-daemon.mjs';
import { arm64BuildObstacle, ensureArm64Sysroot } from './toolchain/arm64-sysroot.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LOWEST_NODE = [20, 19];

/**
 * @param {{ groups: ('build' | 'run' | 'test')[], say?: (line: string) => void }} options
 * @returns {boolean} false after saying what is missing and which commands mend it
 */
export function setUp({ groups, say = (line) => console.error(line) }) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < LOWEST_NODE[0] || (major === LOWEST_NODE[0] && minor < LOWEST_NODE[1])) {
    say(`Node.js ${LOWEST_NODE.join('.')} or newer is needed, this is ${process.version}`);
    return false;
  }
  if (!ensureDebianPackages(groups, { say })) return false;
  if (groups.includes('test') && !ensureShareDaemon({ say })) return false;
  if (!isWritable(ROOT)) {
    say(
      `${ROOT} is not writable for you; clone the repository into a directory of your own, or run once as its owner:`,
    );
    say('  npm run setup');
    return false;
  }
  // First of all, for it takes longest, and needs nothing of the rest. The demo boots what there is.
  if (groups.includes('test') && !ensureGuestKernel(ROOT, { say })) return false;
  if (groups.includes('test')) {
    // Without it the tests of the arm64 build are skipped, with this reason.
    const problem = arm64BuildObstacle() ?? ensureArm64Sysroot();
    if (problem !== undefined) say(`No cross build for arm64: ${problem}`);
  }
  const pnpmDir = ensurePnpm(ROOT, say);
  if (pnpmDir === undefined || !ensureNpmPackages(ROOT, pnpmDir, say)) return false;
  return build(pnpmDir, say) && makeStarterImage(say);
}

function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false; // EACCES or EROFS: the caller says what to do about it
  }
}

function build(pnpmDir, say) {
  say('Building what has changed since the last time (all of it: about a minute)');
  const run = spawnSync(
    join(ROOT, 'node_modules/.bin/turbo'),
    ['run', 'build:native', 'build', '--output-logs=errors-only', '--log-prefix=task', '--concurrency=2'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${pnpmDir}:${process.env.PATH}`,
        TURBO_TELEMETRY_DISABLED: '1',
        TURBO_NO_UPDATE_NOTIFIER: '1',
        DO_NOT_TRACK: '1',
      },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (run.status === 0) return true;
  say(`The build failed:\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
  return false;
}

function makeStarterImage(say) {
  const target = join(ROOT, 'packages/sdk/starter-image');
  const run = spawnSync(process.execPath, [join(ROOT, 'scripts/starter-image.mjs'), target], { encoding: 'utf8' });
  if (run.status === 0) return true;
  say(`The starter image could not be made:\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
  return false;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = setUp({ groups: ['build', 'run', 'test'] }) ? 0 : 1;
}
