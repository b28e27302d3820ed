// What is run in the nested host, as data: who runs which tests, and which part of it is quick enough for `npm test`.

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string[]} files of vitest
 * @property {string} [pattern] which of their tests; default: all
 * @property {Record<string, string>} [env] besides that of the host
 * @property {number} limitSeconds after which it counts as hung, and is ended
 * @property {string} [parity] the column of architecture/parity.md that this run fills (`scripts/parity.mjs --record`)
 */

/** Some five times what they take on a machine that does nothing else. */
const LIMIT_SECONDS = { package: 1200, endToEnd: 7200 };

/** What one or two boxes show. `machine.test.ts` is about QEMU and many processors, of which the emulated host has none. */
const OF_THE_KERNEL = ['test/kernel/features.test.ts', 'test/kernel/virtiofs.test.ts'];

/** @type {Suite[]} */
export const SUITES = [
  ...[
    { name: 'VmmHandler conformance on libkrun', files: ['packages/vmm-libkrun/test/conformance.test.ts'] },
    { name: 'VmmHandler conformance on QEMU-KVM', files: ['packages/vmm-qemu/test/conformance.test.ts'] },
    { name: 'libkrun package', files: ['packages/vmm-libkrun/'] },
    {
      name: 'jail on pure cgroup v2',
      files: ['packages/jailer/', 'packages/jailer-bwrap/', 'packages/jailer-landlock/'],
    },
    { name: 'supervisor', files: ['packages/supervisor/'] },
    { name: 'escape tests', files: ['test/escape/'] },
    { name: 'features of our kernel on libkrun', files: OF_THE_KERNEL, env: { BOXLITE_TEST_VMM: 'libkrun' } },
  ].map((suite) => ({ ...suite, limitSeconds: LIMIT_SECONDS.package })),
  ...[
    { name: 'end to end, default VMM', parity: 'libkrun' },
    { name: 'end to end, QEMU with KVM', env: { BOXLITE_TEST_VMM: 'qemu' }, parity: 'qemu-kvm' },
  ].map((suite) => ({ ...suite, files: ['test/e2e/'], limitSeconds: LIMIT_SECONDS.endToEnd })),
];

/** A handful of cases that need libkrun, KVM, jail, supervisor and agent all to work: start, graceful stop, death of the VMM. */
const SMOKE_CASES = [
  'start gives the identity of a living process, and the hello of the agent arrives on the channel',
  'stop is graceful: the guest goes by itself, and no process is left',
  'the death of the VMM by somebody else is told by wait and kept as an exit record with the signal',
  'start with a kernel or a disk that is missing fails with its name and leaves nothing',
];

/** @type {Suite[]} */
export const SMOKE_SUITES = [
  {
    name: 'VmmHandler conformance on libkrun, a handful',
    files: ['packages/vmm-libkrun/test/conformance.test.ts'],
    pattern: SMOKE_CASES.map(asPattern).join('|'),
    limitSeconds: LIMIT_SECONDS.package,
  },
];

/** How many times slower the host is than the machine under it; limits of tests grow by it. */
export const SLOWNESS = 8;

/**
 * @param {{ smoke: boolean, only?: string, files?: readonly string[] }} asked `only` is a part of a suite's name; `files` are the beginnings of
 *   names in its directories
 * @returns {{ user: 'root' | 'ordinary', runsBox: boolean, suites: Suite[] }[]} one boot of the host each
 */
export function plan({ smoke, only, files = [] }) {
  const within = (place) => (place.endsWith('/') && files.length > 0 ? files.map((name) => place + name) : [place]);
  const wanted = (suites) =>
    suites
      .filter(({ name }) => only === undefined || name.includes(only))
      .map((suite) => ({ ...suite, files: suite.files.flatMap(within) }));
  if (smoke) return [{ user: 'ordinary', runsBox: true, suites: wanted(SMOKE_SUITES) }];
  const suites = wanted(SUITES);
  return [
    { user: 'root', runsBox: true, suites },
    { user: 'ordinary', runsBox: true, suites },
  ];
}

/**
 * The arguments of vitest for a suite. The configuration is read as it is and modules come from the cache that `list` filled outside:
 * bundling and transforming take minutes in the host.
 * @param {Suite} suite
 */
export function vitestArguments({ files, pattern }) {
  return ['--configLoader', 'native', ...(pattern === undefined ? [] : ['-t', pattern]), ...files];
}

/** A test's title as a regular expression that matches it alone. */
function asPattern(title) {
  return title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
