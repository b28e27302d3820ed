import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binaryProblems } from './check-binary.mjs';
import { manifestProblems } from './check-manifest.mjs';
import { sourceSetProblems } from './check-sources.mjs';
import { BUILT_TARGETS, NATIVE_BINARIES, NATIVE_BINARY_NAMES, PLATFORM_MANIFEST_PATH } from './platform-set.mjs';

/**
 * What is wrong with a platform package.
 * @param {string} target such as `linux-x64`
 * @param {string} directory the package: in a checkout, or unpacked from a tarball
 * @param {string} version what every package of this release is to have
 * @returns {string[]} one sentence for each problem; none: it may be published
 */
export function setProblems(target, directory, version) {
  const about = manifestProblems(target, directory, version);
  const contents = BUILT_TARGETS.includes(target)
    ? builtProblems(target, directory, version)
    : sourceSetProblems(target, directory, version);
  return [...about, ...contents].map((problem) => `platform-${target}: ${problem}`);
}

function builtProblems(target, directory, version) {
  const manifest = readManifest(directory);
  if (manifest === undefined) return [`${PLATFORM_MANIFEST_PATH} is missing or is no JSON: build the set first`];
  const problems = [];
  if (manifest.target !== target) problems.push(`${PLATFORM_MANIFEST_PATH} is of ${manifest.target}`);
  if (manifest.version !== version)
    problems.push(`${PLATFORM_MANIFEST_PATH} has version ${manifest.version}, not ${version}`);
  const present = readdirSync(join(directory, 'bin')).filter((name) => `bin/${name}` !== PLATFORM_MANIFEST_PATH);
  for (const name of present.filter((name) => !NATIVE_BINARY_NAMES.includes(name)))
    problems.push(`bin/${name} belongs to no set`);
  for (const name of Object.keys(manifest.files ?? {}).filter((name) => !NATIVE_BINARY_NAMES.includes(name))) {
    problems.push(`${PLATFORM_MANIFEST_PATH} lists ${name}, which belongs to no set`);
  }
  for (const name of NATIVE_BINARY_NAMES)
    problems.push(...fileProblems(name, target, directory, manifest.files?.[name]));
  return problems;
}

function fileProblems(name, target, directory, listed) {
  const path = join(directory, 'bin', name);
  if (!existsSync(path)) return [`bin/${name} is missing (${NATIVE_BINARIES[name].purpose})`];
  const stat = lstatSync(path);
  if (!stat.isFile()) return [`bin/${name} is no regular file`];
  const bytes = readFileSync(path);
  const problems = [];
  const mode = stat.mode & 0o7777;
  if (mode !== 0o755) problems.push(`has mode 0${mode.toString(8)}, not 0755`);
  if (listed === undefined) problems.push('is not in the manifest');
  else if (listed.size !== bytes.length) problems.push(`has ${bytes.length} bytes, the manifest says ${listed.size}`);
  else if (listed.sha256 !== createHash('sha256').update(bytes).digest('hex'))
    problems.push('is not the file of the manifest: its SHA-256 differs');
  problems.push(...binaryProblems(name, NATIVE_BINARIES[name].linkage, bytes, target));
  return problems.map((problem) => `bin/${name} ${problem}`);
}

function readManifest(directory) {
  try {
    return JSON.parse(readFileSync(join(directory, PLATFORM_MANIFEST_PATH), 'utf8'));
  } catch {
    return undefined; // Missing or damaged: the caller reports it.
  }
}
