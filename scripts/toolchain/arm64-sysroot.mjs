#!/usr/bin/env node
// What a cross build for arm64 needs beside Debian's cross compilers, and Debian has for arm64 only: musl and nanopb's library. They are fetched
// with apt (so its signatures are checked) into .cache/arm64-sysroot, through lists of our own: no root, nothing installed, and the machine's own
// apt stays without a second architecture. Does nothing when the sysroot is there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const ARM64_SYSROOT = join(ROOT, '.cache/arm64-sysroot');
const PACKAGES = ['musl-dev', 'libnanopb-dev'];
/** Debian's package of each compiler that the cross build runs. */
export const ARM64_COMPILERS = ['aarch64-linux-gnu-gcc', 'aarch64-linux-gnu-g++'];

/** Why a cross build for arm64 cannot run on this machine; undefined when it can. */
export function arm64BuildObstacle() {
  if (process.platform !== 'linux') return 'cross building for arm64 is written for Debian';
  if (process.arch === 'arm64') return undefined;
  const missing = ARM64_COMPILERS.filter((name) => spawnSync(name, ['--version']).status !== 0);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found: install g++-aarch64-linux-gnu`;
}

/**
 * Makes the sysroot unless it is there.
 * @returns {string | undefined} what went wrong
 */
export function ensureArm64Sysroot(directory = ARM64_SYSROOT) {
  if (process.arch === 'arm64' || existsSync(join(directory, 'musl-gcc.specs'))) return undefined;
  const staged = `${directory}.${process.pid}`;
  try {
    mkdirSync(join(staged, 'apt/lists/partial'), { recursive: true });
    const apt = [
      ...['-o', 'APT::Architecture=arm64', '-o', 'APT::Architectures=arm64', '-o', 'Acquire::Languages=none'],
      ...['-o', `Dir::State=${staged}/apt`, '-o', `Dir::Cache=${staged}/apt`, '-o', 'Dir::State::status=/dev/null'],
      // Without it apt would download as a user that may not enter this directory, and warn.
      ...['-o', 'APT::Sandbox::User=root', '-q'],
    ];
    const problem =
      run('apt-get', [...apt, 'update'], staged) ?? run('apt-get', [...apt, 'download', ...PACKAGES], staged);
    if (problem !== undefined) return problem;
    for (const archive of readdirSync(staged).filter((name) => name.endsWith('.deb'))) {
      const unpacking = run('dpkg-deb', ['-x', archive, '.'], staged);
      if (unpacking !== undefined) return unpacking;
      rmSync(join(staged, archive));
    }
    rmSync(join(staged, 'apt'), { recursive: true });
    // Debian's file names /usr; %:getenv (GCC manual, "Spec Files") lets the sysroot lie anywhere, and the checkout be moved.
    const specs = readFileSync(join(staged, 'usr/lib/aarch64-linux-musl/musl-gcc.specs'), 'utf8');
    const moved = specs.replaceAll(/(?<=\s|-L)(\/usr\/[^\s}]*)/g, '%:getenv(BOXLITE_ARM64_SYSROOT $1)');
    writeFileSync(join(staged, 'musl-gcc.specs'), moved);
    rmSync(directory, { recursive: true, force: true });
    renameSync(staged, directory);
    return undefined;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

function run(program, args, cwd) {
  const { status, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return status === 0 ? undefined : `${program} ${args.at(-1)} failed: ${error?.message ?? stderr}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = arm64BuildObstacle() ?? ensureArm64Sysroot();
  if (problem !== undefined) console.error(problem);
  process.exitCode = problem === undefined ? 0 : 1;
}
