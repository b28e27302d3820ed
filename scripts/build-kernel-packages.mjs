#!/usr/bin/env node
// Builds the guest kernels, or takes them from the user's cache, and puts them into the kernel packages, then checks those. Run by `pnpm pack`.
//   node scripts/build-kernel-packages.mjs [--if-cached] [target ...]     default: every target
// With --if-cached nothing is built: a package whose kernel is not in the cache, or there of earlier sources, stays without one, which only publishing
// refuses.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cachedKernel } from '../packages/guest-kernel/kernel/index.mjs';
import { kernelPackageProblems } from './kernel-packages/check-kernel-package.mjs';
import { fillKernelPackage, KERNEL_TARGETS, kernelPackageDirectory } from './kernel-packages/fill-kernel-package.mjs';

const named = process.argv.slice(2).filter((word) => word !== '--if-cached');
const isBuilding = !process.argv.includes('--if-cached');
const targets = named.length > 0 ? named : KERNEL_TARGETS;
for (const target of targets) {
  if (!KERNEL_TARGETS.includes(target)) throw new Error(`${target} is none of ${KERNEL_TARGETS.join(', ')}`);
  const cached = isBuilding ? undefined : cachedKernel(target);
  if (!isBuilding && cached === undefined) {
    console.error(`kernel-${target}: not built, packed without its kernel; build it with \`npm run build:kernel\``);
    continue;
  }
  const directory = kernelPackageDirectory(target);
  await fillKernelPackage(target, directory, (words) => console.error(`kernel-${target}: ${words}`), cached);
  const problems = kernelPackageProblems(target, directory);
  if (!isBuilding && problems.length > 0) {
    // Nobody takes a package without it.
    rmSync(join(directory, 'kernel.json'), { force: true });
    console.error(`kernel-${target}: packed without its kernel, the cached one does not fit: ${problems.join('; ')}`);
    continue;
  }
  for (const problem of problems) console.error(problem);
  // Not on stdout: `pnpm pack --json` has its own words there.
  console.error(`kernel-${target}: ${problems.length === 0 ? 'complete' : 'NOT complete'}`);
  if (problems.length > 0) process.exitCode = 1;
}
