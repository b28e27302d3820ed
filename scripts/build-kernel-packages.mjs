#!/usr/bin/env node
// Builds the guest kernels, or takes them from the user's cache, and puts them into the kernel packages, then checks those. Run by `pnpm pack`.
//   node scripts/build-kernel-packages.mjs [target ...]     default: every target
import { kernelPackageProblems } from './kernel-packages/check-kernel-package.mjs';
import { fillKernelPackage, KERNEL_TARGETS, kernelPackageDirectory } from './kernel-packages/fill-kernel-package.mjs';

const targets = process.argv.length > 2 ? process.argv.slice(2) : KERNEL_TARGETS;
for (const target of targets) {
  if (!KERNEL_TARGETS.includes(target)) throw new Error(`${target} is none of ${KERNEL_TARGETS.join(', ')}`);
  const directory = kernelPackageDirectory(target);
  await fillKernelPackage(target, directory, (words) => console.error(`kernel-${target}: ${words}`));
  const problems = kernelPackageProblems(target, directory);
  for (const problem of problems) console.error(problem);
  // Not on stdout: `pnpm pack --json` has its own words there.
  console.error(`kernel-${target}: ${problems.length === 0 ? 'complete' : 'NOT complete'}`);
  if (problems.length > 0) process.exitCode = 1;
}
