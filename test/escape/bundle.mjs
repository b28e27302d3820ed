// Makes one file of the harness and the present sources of all packages, that any user can run.

import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, '../../packages');

/**
 * @param {string} outfile
 * @param {string} [entry] another program over the same modules
 */
export function bundleHarness(outfile, entry = join(HERE, 'harness/main.ts')) {
  // esbuild comes with tsup and is no dependency of its own.
  const require = createRequire(import.meta.url);
  const { buildSync } = createRequire(require.resolve('tsup', { paths: [join(PACKAGES, 'core')] }))('esbuild');
  const names = readdirSync(PACKAGES).filter((name) => !name.startsWith('platform-'));
  buildSync({
    entryPoints: [entry],
    alias: Object.fromEntries([
      // Before the package itself, which is a prefix of it.
      ['@boxlite/core/spawn', join(PACKAGES, 'core/src/spawn/index.ts')],
      ...names.map((name) => [`@boxlite/${name}`, join(PACKAGES, name, 'src/index.ts')]),
    ]),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) bundleHarness(process.argv[2]);
