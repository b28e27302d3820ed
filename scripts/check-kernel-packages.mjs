#!/usr/bin/env node
// Says whether the kernel packages may be published: whole, of this checkout's configuration, equal to their manifest, with terms and source.
// Run before publishing (prepublishOnly) and by the tests; builds nothing.
//   node scripts/check-kernel-packages.mjs [target ...]                 the packages of this checkout, default: all
//   node scripts/check-kernel-packages.mjs --directory DIR target       an unpacked tarball, for instance
import { kernelPackageProblems } from './kernel-packages/check-kernel-package.mjs';
import { KERNEL_TARGETS, kernelPackageDirectory } from './kernel-packages/fill-kernel-package.mjs';

const args = process.argv.slice(2);
const [directory] = args[0] === '--directory' ? args.splice(0, 2).slice(1) : [];
const targets = args.length > 0 ? args : KERNEL_TARGETS;
const unknown = targets.filter((target) => !KERNEL_TARGETS.includes(target));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: none of ${KERNEL_TARGETS.join(', ')}`);

const problems = targets.flatMap((target) =>
  kernelPackageProblems(target, directory ?? kernelPackageDirectory(target)),
);
for (const problem of problems) console.error(problem);
console.log(
  `kernel packages: ${targets.join(', ')}: ${problems.length === 0 ? 'complete' : `${problems.length} problems`}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
