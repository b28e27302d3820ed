import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KERNEL_SOURCES } from '../../packages/guest-kernel/kernel/build/target.mjs';
import { buildKernel, TARGETS } from '../../packages/guest-kernel/kernel/index.mjs';

export const KERNEL_TARGETS = Object.keys(TARGETS);

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Directory of a target's kernel package in this checkout. */
export const kernelPackageDirectory = (target) => join(ROOT, 'packages', `kernel-${target}`);

/** What the build puts into a package; the rest of it is in git. */
export const builtNames = (target) => [TARGETS[target].file, 'config', 'COPYING', 'source', 'kernel.json'];

/**
 * Puts a kernel and its source notice into a package. `kernel.json` comes last: while it is missing, nobody takes the package.
 * @param {string} target
 * @param {string} directory the package
 * @param {(words: string) => void} report progress
 * @param {{ readonly directory: string }} [kernel] one that is built; default: that of this checkout's configuration, built where it is missing
 */
export async function fillKernelPackage(target, directory, report, kernel) {
  const { directory: built } = kernel ?? (await buildKernel(target, { report }));
  const staged = join(directory, `.filling-${process.pid}`);
  try {
    mkdirSync(staged);
    const { file } = TARGETS[target];
    for (const name of [file, 'config', 'COPYING', 'kernel.json']) cpSync(join(built, name), join(staged, name));
    cpSync(KERNEL_SOURCES, join(staged, 'source'), { recursive: true });
    rmSync(join(directory, 'kernel.json'), { force: true });
    for (const name of builtNames(target)) {
      if (existsSync(join(directory, name))) rmSync(join(directory, name), { recursive: true });
      renameSync(join(staged, name), join(directory, name));
    }
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}
