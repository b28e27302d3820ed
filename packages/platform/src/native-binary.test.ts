import { describe, expect, it } from 'vitest';
import type { HostLibc } from './host-libc.js';
import { NATIVE_BINARY_NAMES } from './native-binaries.js';
import { nativeBinary } from './native-binary.js';
import type { NativeSystem } from './native-system.js';

/** A made-up machine: `files` has each file's size, or its text for JSON. */
interface Machine {
  readonly target?: readonly [string, string];
  readonly directory?: string;
  readonly packageDirectory?: string;
  readonly packages?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, number | string>>;
  readonly libc?: HostLibc['family'];
}

function system(machine: Machine): NativeSystem {
  const [platform, architecture] = machine.target ?? ['linux', 'x64'];
  const files = machine.files ?? {};
  return {
    platform,
    architecture,
    environment: { BOXLITE_NATIVE_DIR: machine.directory },
    packageDirectory: machine.packageDirectory ?? '/app/node_modules/@boxlite/platform',
    libc: () => ({ family: machine.libc ?? 'glibc' }),
    packageDirectoryOf: (name) => machine.packages?.[name],
    fileBytes: (path) => (typeof files[path] === 'number' ? files[path] : files[path]?.length),
    json: (path) => (typeof files[path] === 'string' ? JSON.parse(files[path]) : undefined),
  };
}

const PACKAGE = '/app/node_modules/@boxlite/platform-linux-x64';
const installed = {
  packages: { '@boxlite/platform-linux-x64': PACKAGE },
  files: {
    '/app/node_modules/@boxlite/platform/package.json': '{"version":"1.2.3"}',
    [`${PACKAGE}/package.json`]: '{"version":"1.2.3"}',
    [`${PACKAGE}/bin/manifest.json`]: '{"files":{"kvm-probe":{"size":5}}}',
    [`${PACKAGE}/bin/kvm-probe`]: 5,
  },
} satisfies Machine;
const checkout = {
  packageDirectory: '/src/boxlite/packages/platform',
  files: { '/src/boxlite/pnpm-workspace.yaml': 1, '/src/boxlite/packages/kvm-probe/native/build/kvm-probe': 5 },
} satisfies Machine;
const allIn = (directory: string) => Object.fromEntries(NATIVE_BINARY_NAMES.map((name) => [`${directory}/${name}`, 1]));

describe('a native file is taken from', () => {
  it('the directory that BOXLITE_NATIVE_DIR names, before any other place', () => {
    const machine = system({ ...installed, directory: '/opt/native', files: allIn('/opt/native') });
    expect(nativeBinary('kvm-probe', machine)).toBe('/opt/native/kvm-probe');
  });

  it('the build beside its sources in a checkout, also where a platform package is installed', () => {
    const machine = system({
      ...checkout,
      packages: installed.packages,
      files: { ...installed.files, ...checkout.files },
    });
    expect(nativeBinary('kvm-probe', machine)).toBe('/src/boxlite/packages/kvm-probe/native/build/kvm-probe');
  });

  it('the platform package anywhere else; an empty variable is none', () => {
    expect(nativeBinary('kvm-probe', system({ ...installed, directory: '' }))).toBe(`${PACKAGE}/bin/kvm-probe`);
  });
});

describe('a native file that is not there is an error that lists each place and says what to do', () => {
  const without = (path: string) => Object.fromEntries(Object.entries(installed.files).filter(([key]) => key !== path));
  const cases: [string, Machine, { code: string; reason: string; problem: RegExp; hint: RegExp; places: number }][] = [
    [
      'a relative BOXLITE_NATIVE_DIR',
      { ...installed, directory: 'native' },
      { code: 'config_error', reason: 'directory-not-absolute', problem: /"native"/, hint: /absolute/, places: 1 },
    ],
    [
      'an incomplete BOXLITE_NATIVE_DIR, although the wanted file is in it',
      { ...installed, directory: '/opt', files: { ...installed.files, '/opt/kvm-probe': 5 } },
      {
        code: 'config_error',
        reason: 'directory-incomplete',
        problem:
          /lacks boxlite-supervisor, boxlite-stage-b, boxlite-hand-over, boxlite-landlock, boxlite-guest, boxlite-data-map, boxlite-memory, boxlite-krun-shim, krun\.node$/,
        hint: /unset/,
        places: 1,
      },
    ],
    [
      'a checkout that was not built, although a platform package is installed',
      {
        ...checkout,
        packages: installed.packages,
        files: { ...installed.files, '/src/boxlite/pnpm-workspace.yaml': 1 },
      },
      { code: 'native_missing', reason: 'not-built', problem: /native\/build\/kvm-probe/, hint: /npm run/, places: 2 },
    ],
    [
      'an architecture without binaries',
      { ...installed, target: ['linux', 'riscv64'] },
      { code: 'unsupported', reason: 'platform-unsupported', problem: /linux-riscv64/, hint: /NATIVE_DIR/, places: 3 },
    ],
    [
      'macOS, whose package holds sources only',
      { ...installed, target: ['darwin', 'arm64'] },
      { code: 'unsupported', reason: 'platform-unsupported', problem: /darwin-arm64/, hint: /NATIVE_DIR/, places: 3 },
    ],
    [
      'a package that npm left out',
      { ...installed, packages: {} },
      {
        code: 'native_missing',
        reason: 'package-missing',
        problem: /^not installed$/,
        hint: /npm install --include=optional/,
        places: 3,
      },
    ],
    [
      'a Node.js made for musl',
      { ...installed, packages: {}, libc: 'musl' },
      { code: 'unsupported', reason: 'libc-unsupported', problem: /musl/, hint: /glibc/, places: 3 },
    ],
    [
      'node_modules of another architecture',
      { ...installed, target: ['linux', 'arm64'] },
      {
        code: 'native_missing',
        reason: 'other-architecture',
        problem: /linux-x64/,
        hint: /remove node_modules/,
        places: 3,
      },
    ],
    [
      'a platform package of another version',
      { ...installed, files: { ...installed.files, [`${PACKAGE}/package.json`]: '{"version":"1.2.2"}' } },
      {
        code: 'native_missing',
        reason: 'version-mismatch',
        problem: /1\.2\.2.*1\.2\.3/,
        hint: /npm install/,
        places: 3,
      },
    ],
    [
      'a file that is missing in the package',
      { ...installed, files: without(`${PACKAGE}/bin/kvm-probe`) },
      { code: 'native_missing', reason: 'package-damaged', problem: /does not exist/, hint: /npm install/, places: 3 },
    ],
    [
      'a truncated file',
      { ...installed, files: { ...installed.files, [`${PACKAGE}/bin/kvm-probe`]: 4 } },
      {
        code: 'native_missing',
        reason: 'package-damaged',
        problem: /4 bytes.*5 bytes/,
        hint: /npm install/,
        places: 3,
      },
    ],
    [
      'a package without its manifest',
      { ...installed, files: without(`${PACKAGE}/bin/manifest.json`) },
      { code: 'native_missing', reason: 'package-damaged', problem: /does not list/, hint: /npm install/, places: 3 },
    ],
  ];

  it.each(cases)('%s', (_title, machine, { code, reason, problem, hint, places }) => {
    let thrown: unknown;
    try {
      nativeBinary('kvm-probe', system(machine));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code,
      message: expect.stringContaining('kvm-probe (says what KVM here can do) was not found'),
      hint: expect.stringMatching(hint),
      details: { binary: 'kvm-probe', reason },
    });
    const { details } = thrown as { details: { tried: { place: string; problem: string }[] } };
    expect(details.tried).toHaveLength(places);
    expect(details.tried.at(-1)?.problem).toMatch(problem);
  });
});
