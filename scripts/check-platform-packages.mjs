#!/usr/bin/env node
// Says whether the platform packages may be published: complete sets, each file for its platform, equal to the manifest, and of one version.
// Run before publishing (prepublishOnly) and by the tests; builds nothing.
//   node scripts/check-platform-packages.mjs [target ...]                 the packages of this checkout, default: all
//   node scripts/check-platform-packages.mjs --directory DIR target       an unpacked tarball, for instance
import { setProblems } from './platform-packages/check-set.mjs';
import { PLATFORM_TARGETS, packageDirectory } from './platform-packages/platform-set.mjs';
import { agreementProblems, releaseVersion } from './platform-packages/release-version.mjs';

const args = process.argv.slice(2);
const [directory] = args[0] === '--directory' ? args.splice(0, 2).slice(1) : [];
const targets = args.length > 0 ? args : PLATFORM_TARGETS;
const unknown = targets.filter((target) => !PLATFORM_TARGETS.includes(target));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: none of ${PLATFORM_TARGETS.join(', ')}`);

const problems = [
  ...(directory === undefined ? agreementProblems() : []),
  ...targets.flatMap((target) => setProblems(target, directory ?? packageDirectory(target), releaseVersion())),
];
for (const problem of problems) console.error(problem);
console.log(
  `platform packages: ${targets.join(', ')}: ${problems.length === 0 ? 'complete' : `${problems.length} problems`}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
