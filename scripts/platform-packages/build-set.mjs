import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { arm64BuildObstacle, ensureArm64Sysroot } from '../toolchain/arm64-sysroot.mjs';
import { BUILT_TARGETS, NATIVE_BINARIES, NATIVE_BINARY_NAMES, ROOT } from './platform-set.mjs';

/**
 * Why a target's programs cannot be built on this machine; undefined when they can.
 * @param {string} target
 */
export function buildObstacle(target) {
  if (!BUILT_TARGETS.includes(target)) return undefined;
  const [, architecture] = target.split('-');
  if (process.platform !== 'linux') return `${target} is built on Linux`;
  if (architecture === process.arch) return undefined;
  return architecture === 'arm64' ? arm64BuildObstacle() : `${target} is built on ${architecture}`;
}

/**
 * Builds a target's programs where they are not up to date, and puts the set with its manifest into a platform package.
 * @param {string} target
 * @param {string} directory the package
 * @param {string} version
 * @throws Error with the compiler's words
 */
export function buildSet(target, directory, version) {
  if (!BUILT_TARGETS.includes(target)) return copySources(target, directory, version);
  const obstacle = buildObstacle(target);
  if (obstacle !== undefined) throw new Error(`${target} cannot be built here: ${obstacle}`);
  const [, architecture] = target.split('-');
  const isCrossBuild = architecture !== process.arch;
  if (isCrossBuild) {
    const problem = ensureArm64Sysroot();
    if (problem !== undefined) throw new Error(problem);
  }
  const build = isCrossBuild ? `build-${architecture}` : 'build';
  const owners = [...new Set(NATIVE_BINARY_NAMES.map((name) => NATIVE_BINARIES[name].package))];
  for (const owner of owners) makeNative(owner, build, [`ARCH=${architecture}`]);

  const strip = isCrossBuild ? 'aarch64-linux-gnu-strip' : 'strip';
  return replaceDirectory(join(directory, 'bin'), (staged) => {
    const files = {};
    for (const name of NATIVE_BINARY_NAMES) {
      const { package: owner, purpose, linkage } = NATIVE_BINARIES[name];
      const path = join(staged, name);
      run(strip, ['--strip-unneeded', '-o', path, join(ROOT, 'packages', owner, 'native', build, name)]);
      chmodSync(path, 0o755);
      files[name] = { ...digestOf(path), linkage, purpose };
    }
    writeManifest(staged, { target, version, files });
  });
}

/**
 * Brings native programs up to date. The packages' own tests take the same lock: two makes in one directory harm each other.
 * @param {string} owner package directory
 * @param {string} build name of the build directory
 * @param {string[]} args make's variables and targets
 */
export function makeNative(owner, build, args) {
  const native = join(ROOT, 'packages', owner, 'native');
  mkdirSync(join(native, build), { recursive: true });
  run('flock', [join(native, build, '.lock'), 'make', '-s', '-C', native, ...args]);
}

/** A target without binaries: what they would be made of. */
function copySources(target, directory, version) {
  const plan = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  const sources = [...new Set(Object.values(plan.files).flatMap((file) => file.sources ?? []))];
  replaceDirectory(join(directory, 'sources'), (staged) => {
    for (const source of sources)
      cpSync(join(ROOT, source), join(staged, source), { recursive: true, filter: isSource });
    const names = filesIn(staged);
    writeManifest(staged, {
      target,
      version,
      files: Object.fromEntries(names.map((name) => [name, digestOf(join(staged, name))])),
    });
  });
}

const isSource = (path) => !/\/native\/build(-[\w-]+)?(\/|$)/.test(path);

/**
 * Nobody sees half a set: it is made beside the old one and takes its place. One that is the same stays, because another process may be packing it.
 */
function replaceDirectory(path, fill) {
  const staged = `${path}.${process.pid}`;
  const old = `${staged}.old`;
  try {
    mkdirSync(staged, { recursive: true });
    fill(staged);
    if (existsSync(path) && contentsOf(path) === contentsOf(staged)) return;
    if (existsSync(path)) renameSync(path, old);
    renameSync(staged, path);
  } finally {
    for (const left of [staged, old]) rmSync(left, { recursive: true, force: true });
  }
}

/** Every file with its mode and contents, as one text. */
function contentsOf(directory) {
  return filesIn(directory)
    .map((name) => {
      const path = join(directory, name);
      return `${name} ${statSync(path).mode} ${digestOf(path).sha256}`;
    })
    .join('\n');
}

function filesIn(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function writeManifest(directory, manifest) {
  writeFileSync(join(directory, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o644 });
}

function digestOf(path) {
  const bytes = readFileSync(path);
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', cwd: ROOT });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${error?.message ?? `${stdout}${stderr}`}`);
}
