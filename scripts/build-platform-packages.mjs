#!/usr/bin/env node
// Builds the native programs and puts them into the platform packages, then checks them. Run by `pnpm pack` and `npm run release`.
//   node scripts/build-platform-packages.mjs [target ...]     default: every target
import { buildSet } from './platform-packages/build-set.mjs';
import { setProblems } from './platform-packages/check-set.mjs';
import { PLATFORM_TARGETS, packageDirectory } from './platform-packages/platform-set.mjs';
import { releaseVersion } from './platform-packages/release-version.mjs';

const targets = process.argv.length > 2 ? process.argv.slice(2) : PLATFORM_TARGETS;
const version = releaseVersion();
for (const target of targets) {
  if (!PLATFORM_TARGETS.includes(target)) throw new Error(`${target} is none of ${PLATFORM_TARGETS.join(', ')}`);
  const begin = Date.now();
  buildSet(target, packageDirectory(target), version);
  const problems = setProblems(target, packageDirectory(target), version);
  for (const problem of problems) console.error(problem);
  // Not on stdout: `pnpm pack --json` has its own words there.
  console.error(
    `platform-${target}: ${problems.length === 0 ? 'complete' : 'NOT complete'} (${Date.now() - begin} ms)`,
  );
  if (problems.length > 0) process.exitCode = 1;
}
