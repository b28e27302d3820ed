/** The dependency rule of architecture/README.md: implementations never import one another; no cycles. */
const contract = '^packages/(core|layout|platform)/';
module.exports = {
  forbidden: [
    // Types may name each other: they are gone at run time.
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-imports-nothing',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^packages/core/src', dependencyTypesNot: ['core'] },
    },
    {
      name: 'core-does-no-io',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: '^packages/core/src/(testing|spawn)/|\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-main-entry-does-without-spawn',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: '^packages/core/src/(testing|spawn)/|\\.test\\.ts$' },
      to: { path: '^packages/core/src/(testing|spawn)/' },
    },
    {
      name: 'implementations-never-import-one-another',
      severity: 'error',
      from: { path: '^packages/(?!core/|sdk/|cli/)([^/]+)/' },
      to: { path: '^(node_modules/@boxlite|packages)/', pathNot: [contract, '^packages/$1/'] },
    },
    {
      name: 'cli-imports-only-sdk-and-core',
      severity: 'error',
      from: { path: '^packages/cli/' },
      to: { path: '^packages/', pathNot: '^packages/(cli|sdk|core)/' },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      from: { path: '^packages/(?!cli/)' },
      to: { path: '^packages/cli/' },
    },
    {
      name: 'only-cli-imports-sdk',
      severity: 'error',
      from: { path: '^packages/(?!cli/|sdk/)' },
      to: { path: '^packages/sdk/' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|native/build)/|^packages/platform-[^/]+/sources/|tsup\\.config\\.ts$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node'] },
  },
};
