import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { KernelArchitecture } from './kernel-manifest.js';

/** The published kernel of an architecture. */
export function kernelPackageName(architecture: KernelArchitecture): string {
  return `@boxlite/kernel-linux-${architecture}`;
}

/**
 * Where Node.js would find the published kernel. The package of a checkout does not count: what packing has left there would hide a newer build.
 * @param directories resolution starts in each of these
 * @returns the directory of its `kernel.json`, or why there is none
 */
export function resolveKernelPackage(
  name: string,
  directories: readonly string[],
): { readonly directory: string } | { readonly problem: string } {
  let isInstalled = false;
  for (const directory of directories) {
    const resolver = createRequire(join(directory, 'resolve.cjs'));
    const manifest = resolved(resolver, `${name}/kernel.json`);
    if (manifest?.split(sep).includes('node_modules')) return { directory: dirname(manifest) };
    isInstalled ||= resolved(resolver, `${name}/package.json`) !== undefined;
  }
  return { problem: isInstalled ? 'has no kernel in it, or is that of a checkout' : 'not installed' };
}

function resolved(resolver: NodeJS.Require, path: string): string | undefined {
  try {
    return resolver.resolve(path);
  } catch {
    // Not to be found from there, which the caller reports.
    return undefined;
  }
}
