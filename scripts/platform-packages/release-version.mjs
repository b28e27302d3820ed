import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLATFORM_TARGETS, ROOT } from './platform-set.mjs';

/** The version every package of this checkout has (`fixed` in .changeset/config.json). */
export function releaseVersion(root = ROOT) {
  return manifestOf(root, 'platform').version;
}

/** What is wrong with the packages' agreement: one version, and a loader that installs every platform package. */
export function agreementProblems(root = ROOT) {
  const version = releaseVersion(root);
  const problems = readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .map((name) => ({ name, found: manifestOf(root, name).version }))
    .filter(({ found }) => found !== version)
    .map(({ name, found }) => `${name}: has version ${found}, @boxlite/platform has ${version}`);
  const { optionalDependencies = {} } = manifestOf(root, 'platform');
  const wanted = PLATFORM_TARGETS.map((target) => `@boxlite/platform-${target}`).sort();
  if (JSON.stringify(Object.keys(optionalDependencies).sort()) !== JSON.stringify(wanted)) {
    problems.push(`platform: optionalDependencies must be ${wanted.join(', ')}`);
  }
  for (const [name, range] of Object.entries(optionalDependencies)) {
    // Published as the exact version: a program of another one may speak another launch format.
    if (range !== 'workspace:*') problems.push(`platform: ${name} must be "workspace:*", not "${range}"`);
  }
  return problems;
}

function manifestOf(root, name) {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
}
