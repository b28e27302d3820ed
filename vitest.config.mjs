import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packagesDir = fileURLToPath(new URL('./packages/', import.meta.url));
const isNestedHost = process.env.BOXLITE_KVM_HOST === '1';
/** How many times longer a test may take than on an idle machine of today, such as 8 in the nested KVM host. */
const slowness = Number(process.env.BOXLITE_TEST_SLOW ?? 1);

/** @param {string} directory @param {string} extension what each package's name stands for */
const packagesAt = (directory, extension) => [
  ...['core/testing', 'core/spawn', 'sdk/testing'].map((path) => ({
    find: `@boxlite/${path}`,
    replacement: `${packagesDir}${path.replace('/', `/${directory}/`)}/index.${extension}`,
  })),
  ...readdirSync(packagesDir).map((name) => ({
    find: new RegExp(`^@boxlite/${name}$`),
    replacement: `${packagesDir}${name}/${directory}/index.${extension}`,
  })),
];

/**
 * The nested host is ten times slower at transforming modules: it reads the built packages, few large files, that `test:kvm` builds first, and
 * takes the tests themselves from a cache that was filled outside.
 */
const inNestedHost = {
  isolate: false,
  maxWorkers: 1,
  server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
  experimental: {
    fsModuleCache: true,
    fsModuleCachePath: fileURLToPath(new URL('./.cache/vitest-modules', import.meta.url)),
  },
};

export default defineConfig({
  // Tests read the sources of sibling packages, so that no stale build can make one pass.
  resolve: { alias: isNestedHost ? packagesAt('dist', 'js') : packagesAt('src', 'ts') },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    // Each start of a new shape would otherwise boot a second machine to make a template of; tests of templates ask for them.
    env: { BOXLITE_TEMPLATES: 'off' },
    testTimeout: 60_000 * slowness,
    hookTimeout: 120_000 * slowness,
    ...(isNestedHost ? inNestedHost : {}),
  },
});
