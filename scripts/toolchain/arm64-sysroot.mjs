#!/usr/bin/env node
// What a cross build for arm64 needs beside Debian's cross compilers, and Debian has for arm64 only: musl and nanopb's library. Run by the set-up
// and by the build of the platform packages; does nothing when it is there.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackArm64Packages } from './arm64-packages.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SYSROOT = join(ROOT, '.cache/arm64-sysroot');
const COMPILERS = ['aarch64-linux-gnu-gcc', 'aarch64-linux-gnu-g++'];

/** Why a cross build for arm64 cannot run on this machine; undefined when it can. */
export function arm64BuildObstacle() {
  if (process.platform !== 'linux') return 'cross building for arm64 is written for Debian';
  if (process.arch === 'arm64') return undefined;
  const missing = COMPILERS.filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found: install g++-aarch64-linux-gnu`;
}

/**
 * Makes the sysroot unless it is there.
 * @returns {string | undefined} what went wrong
 */
export function ensureArm64Sysroot(directory = SYSROOT) {
  if (process.arch === 'arm64') return undefined;
  return unpackArm64Packages(directory, ['musl-dev', 'libnanopb-dev'], (staged) => {
    // Debian's file names /usr; %:getenv (GCC manual, "Spec Files") lets the sysroot lie anywhere, and the checkout be moved.
    const specs = readFileSync(join(staged, 'usr/lib/aarch64-linux-musl/musl-gcc.specs'), 'utf8');
    const moved = specs.replaceAll(/(?<=\s|-L)(\/usr\/[^\s}]*)/g, '%:getenv(BOXLITE_ARM64_SYSROOT $1)');
    writeFileSync(join(staged, 'musl-gcc.specs'), moved);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = arm64BuildObstacle() ?? ensureArm64Sysroot();
  if (problem !== undefined) console.error(problem);
  process.exitCode = problem === undefined ? 0 : 1;
}
