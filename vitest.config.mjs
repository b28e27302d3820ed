import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packagesDir = fileURLToPath(new URL('./packages/', import.meta.url));
const isNestedHost = process.env.BOXLITE_KVM_HOST === '1';
/** How many times longer a test may take than on an idle machine of today, such as 8 in the nested KVM host. */
const slowness = Number(process.env.BOXLITE_TEST_SLOW ?? 1);

/** Tests read the sources of sibling packages, so that no stale build can make one pass. */
const alias = [
  { find: '@boxlite/core/testing', replacement: `${packagesDir}core/src/testing/index.ts` },
  ...readdirSync(packagesDir).map((name) => ({
    find: new RegExp(`^@boxlite/${name}$`),
    replacement: `${packagesDir}${name}/src/index.ts`,
  })),
];

/** Modules transformed outside are read inside: the nested host is ten times slower at it. `test/kvm-host` fills the cache. */
const moduleCache = {
  fsModuleCache: true,
  fsModuleCachePath: fileURLToPath(new URL('./.cache/vitest-modules', import.meta.url)),
};

export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000 * slowness,
    hookTimeout: 120_000 * slowness,
    ...(isNestedHost ? { experimental: moduleCache, isolate: false, maxWorkers: 1 } : {}),
  },
});
