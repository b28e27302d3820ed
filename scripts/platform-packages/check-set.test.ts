import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildSet } from './build-set.mjs';
import { setProblems } from './check-set.mjs';
import { NATIVE_BINARIES, packageDirectory, ROOT } from './platform-set.mjs';
import { agreementProblems, releaseVersion } from './release-version.mjs';

const TARGET = `linux-${process.arch}`;
const OTHER_TARGET = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64';
const VERSION = releaseVersion();
const work = mkdtempSync(join(tmpdir(), 'boxlite-set-'));
const complete = join(work, 'complete');
const broken = join(work, 'broken');
const bin = (name: string) => join(broken, 'bin', name);

/** A fresh set of real files for each test to break. */
beforeAll(() => {
  copyPackage(TARGET, complete);
  buildSet(TARGET, complete, VERSION);
});
beforeEach(() => cpSync(complete, broken, { recursive: true }));
afterEach(() => rmSync(broken, { recursive: true }));
afterAll(() => rmSync(work, { recursive: true }));

function copyPackage(target: string, directory: string): void {
  mkdirSync(directory);
  for (const name of ['package.json', 'README.md']) {
    copyFileSync(join(packageDirectory(target), name), join(directory, name));
  }
}

function problems(target = TARGET, directory = broken): string[] {
  return setProblems(target, directory, VERSION);
}

/** The manifest follows the file, so that only the file's own fault is left to find. */
function listAgain(name: string): void {
  const bytes = readFileSync(bin(name));
  changeManifest((manifest) => {
    manifest.files[name] = { ...manifest.files[name], size: bytes.length, sha256: sha256(bytes) };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a test changes a manifest in ways its type forbids
function changeJson(path: string, change: (value: any) => void): void {
  const value = JSON.parse(readFileSync(path, 'utf8'));
  change(value);
  writeFileSync(path, JSON.stringify(value));
}
// biome-ignore lint/suspicious/noExplicitAny: as above
const changeManifest = (change: (manifest: any) => void) => changeJson(bin('manifest.json'), change);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Replaces a file of the set by what the compiler makes of a few lines. */
function compileInto(name: string, flags: string[], source = 'int main(void) { return 0; }\n'): void {
  const file = join(work, 'source.c');
  writeFileSync(file, source);
  execFileSync('gcc', ['-O1', ...(flags.includes('-g') ? [] : ['-s']), '-o', bin(name), file, ...flags]);
  chmodSync(bin(name), 0o755);
  listAgain(name);
}

function rewrite(name: string, bytes: Uint8Array): void {
  writeFileSync(bin(name), bytes);
  listAgain(name);
}

function patch(name: string, from: string, to: string): void {
  const bytes = readFileSync(bin(name));
  const at = bytes.indexOf(from, 0, 'latin1');
  expect(at, `${from} is in ${name}`).toBeGreaterThan(0);
  bytes.write(to, at, 'latin1');
  rewrite(name, bytes);
}

it('a set as it is built is complete', () => {
  expect(problems()).toEqual([]);
});

describe('a set is refused when', () => {
  it.each(Object.keys(NATIVE_BINARIES))('%s is missing, with what it is for', (name) => {
    rmSync(bin(name));
    expect(problems()).toEqual([`platform-${TARGET}: bin/${name} is missing (${NATIVE_BINARIES[name].purpose})`]);
  });

  const single: [string, () => void, RegExp][] = [
    [
      'a file is a link',
      () => {
        renameSync(bin('kvm-probe'), join(work, 'moved'));
        symlinkSync(join(work, 'moved'), bin('kvm-probe'));
      },
      /bin\/kvm-probe is no regular file/,
    ],
    [
      'a file is not executable',
      () => chmodSync(bin('boxlite-guest'), 0o644),
      /bin\/boxlite-guest has mode 0644, not 0755/,
    ],
    ['a program is setuid', () => chmodSync(bin('boxlite-stage-b'), 0o4755), /bin\/boxlite-stage-b has mode 04755/],
    [
      'a file has grown',
      () => appendFileSync(bin('kvm-probe'), 'x'),
      /bin\/kvm-probe has \d+ bytes, the manifest says \d+/,
    ],
    [
      'one bit of a file is another',
      () => flipBit('boxlite-guest'),
      /bin\/boxlite-guest is not the file of the manifest: its SHA-256 differs/,
    ],
    [
      'a file is not listed',
      () => changeManifest((manifest) => delete manifest.files['krun.node']),
      /bin\/krun\.node is not in the manifest/,
    ],
    ['a file belongs to no set', () => writeFileSync(bin('left-over'), ''), /bin\/left-over belongs to no set/],
    [
      'the manifest lists a file of no set',
      () => changeManifest((manifest) => (manifest.files.more = {})),
      /lists more, which belongs to no set/,
    ],
    ['the manifest is missing', () => rmSync(bin('manifest.json')), /bin\/manifest\.json is missing/],
    [
      'the manifest is of another version',
      () => changeManifest((manifest) => (manifest.version = '9.9.9')),
      /has version 9\.9\.9, not/,
    ],
    [
      'the manifest is of another target',
      () => changeManifest((manifest) => (manifest.target = OTHER_TARGET)),
      /manifest\.json is of linux-/,
    ],
    ['a file is no program', () => rewrite('kvm-probe', Buffer.from('#!/bin/sh\n')), /bin\/kvm-probe is no ELF file/],
    [
      'a file is cut off',
      () => rewrite('krun.node', readFileSync(bin('krun.node')).subarray(0, 4096)),
      /bin\/krun\.node (is a truncated ELF file|has a table beyond its end)/,
    ],
    [
      'a static program is dynamic',
      () => compileInto('boxlite-supervisor', []),
      /bin\/boxlite-supervisor is not static: it asks for .*bin\/boxlite-supervisor is not static: it needs libc\.so\.6/s,
    ],
    [
      'the shim is static',
      () => compileInto('boxlite-krun-shim', ['-static']),
      /bin\/boxlite-krun-shim is not position independent.*it was not linked with glibc/s,
    ],
    [
      'the shim needs a library that not every host has',
      () => compileInto('boxlite-krun-shim', ['-Wl,--no-as-needed', '-lm']),
      /bin\/boxlite-krun-shim needs libm\.so\.6/,
    ],
    [
      'the shim has lost what it answers for libkrun',
      () => compileInto('boxlite-krun-shim', []),
      /bin\/boxlite-krun-shim does not export open, open64, _Unwind_RaiseException/,
    ],
    [
      'the addon has lost its Node-API entry',
      () => compileInto('krun.node', ['-shared', '-fPIC', '-Wl,--no-as-needed']),
      /bin\/krun\.node does not export napi_register_module_v1/,
    ],
    [
      'a file keeps its symbol table',
      () => compileInto('kvm-probe', ['-static', '-g']),
      /bin\/kvm-probe is not stripped/,
    ],
    [
      'a program asks for an executable stack',
      () => compileInto('kvm-probe', ['-static', '-z', 'execstack']),
      /bin\/kvm-probe asks for an executable stack/,
    ],
    [
      'a file looks for libraries in a directory of its own',
      () => compileInto('boxlite-krun-shim', ['-Wl,-rpath,/opt/lib']),
      /bin\/boxlite-krun-shim has a run path \(\/opt\/lib\)/,
    ],
    [
      'a file asks for a newer C library',
      () => patch('boxlite-krun-shim', 'GLIBC_2.34', 'GLIBC_2.38'),
      /bin\/boxlite-krun-shim needs GLIBC_2\.38, newer than the minimum GLIBC_2\.34/,
    ],
    [
      'a file names the checkout it was built in',
      () => namesPath(`${ROOT}/packages/x`),
      /bin\/kvm-probe names a path of the machine that built it/,
    ],
    [
      'a file names a source by an absolute path',
      () => namesPath('/build/agent/src/main.c'),
      /names a path of the machine that built it \(\/build\/agent\/src\/main\.c\)/,
    ],
    [
      'package.json is for another processor',
      () => changePackage((manifest) => (manifest.cpu = ['ia32'])),
      /package\.json: cpu is \["ia32"\]/,
    ],
    [
      'package.json names no C library',
      () => changePackage((manifest) => delete manifest.libc),
      /package\.json: libc is undefined/,
    ],
    [
      'package.json has an install script',
      () => changePackage((manifest) => (manifest.scripts.postinstall = 'node x')),
      /install script postinstall/,
    ],
    [
      'package.json leaves a file without its executable bit',
      () => changePackage((manifest) => manifest.publishConfig.executableFiles.pop()),
      /executableFiles lacks krun\.node/,
    ],
  ];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const changePackage = (change: (manifest: any) => void) => changeJson(join(broken, 'package.json'), change);
  const namesPath = (path: string) =>
    compileInto('kvm-probe', ['-static'], `#include <stdio.h>\nint main(void) { return puts("${path}"); }\n`);
  function flipBit(name: string): void {
    const bytes = readFileSync(bin(name));
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(bin(name), bytes);
  }

  it.each(single)('%s', (_title, breakIt, complaint) => {
    breakIt();
    expect(problems().join('\n')).toMatch(complaint);
  });

  it('its files are those of another architecture', () => {
    changePackage((manifest) =>
      Object.assign(manifest, { name: `@boxlite/platform-${OTHER_TARGET}`, cpu: [OTHER_TARGET.slice(6)] }),
    );
    changeManifest((manifest) => (manifest.target = OTHER_TARGET));
    const found = problems(OTHER_TARGET);
    expect(found).toHaveLength(Object.keys(NATIVE_BINARIES).length);
    for (const problem of found) expect(problem).toMatch(/is for ELF machine \d+, linux-\w+ is \d+$/);
  });
});

describe('the set of sources is refused when', () => {
  const sources = join(work, 'sources-only');
  const inSources = (path: string) => join(sources, 'sources', path);
  beforeEach(() => {
    copyPackage('darwin-arm64', sources);
    copyFileSync(join(packageDirectory('darwin-arm64'), 'manifest.json'), join(sources, 'manifest.json'));
    buildSet('darwin-arm64', sources, VERSION);
  });
  afterEach(() => rmSync(sources, { recursive: true }));
  const main = 'packages/vmm-libkrun/native/shim/main.c';

  it.each<[string, () => void, RegExp | undefined]>([
    ['nothing is wrong: it is not', () => undefined, undefined],
    [
      'a native file is not planned',
      () => changeJson(join(sources, 'manifest.json'), (plan) => delete plan.files['krun.node']),
      /says nothing about krun\.node/,
    ],
    [
      'a file has no sources',
      () => changeJson(join(sources, 'manifest.json'), (plan) => (plan.files['krun.node'].sources = [])),
      /names no sources of krun\.node/,
    ],
    [
      'it claims to be built',
      () => changeJson(join(sources, 'manifest.json'), (plan) => (plan.built = true)),
      /does not say that darwin-arm64 is not built/,
    ],
    [
      'a source is missing',
      () => rmSync(inSources(main)),
      /sources\/packages\/vmm-libkrun\/native\/shim\/main\.c is missing/,
    ],
    ['a source was changed', () => appendFileSync(inSources(main), '\n'), /main\.c is not the file of the manifest/],
    ['a source was added', () => writeFileSync(inSources('more.c'), ''), /sources\/more\.c is not in the manifest/],
    [
      'a binary is among the sources',
      () => copyFileSync(join(complete, 'bin/kvm-probe'), inSources(main)),
      /main\.c is a binary/,
    ],
    ['there are binaries', () => mkdirSync(join(sources, 'bin')), /has a directory bin/],
    [
      'the README does not say that nothing was built',
      () => writeFileSync(join(sources, 'README.md'), '# x\n'),
      /does not say "Nothing in this package has been built or run\."/,
    ],
  ])('%s', (_title, breakIt, complaint) => {
    breakIt();
    if (complaint === undefined) expect(problems('darwin-arm64', sources)).toEqual([]);
    else expect(problems('darwin-arm64', sources).join('\n')).toMatch(complaint);
  });
});

describe('a release is refused when', () => {
  const root = join(work, 'root');
  const change = (name: string, edit: Parameters<typeof changeJson>[1]) =>
    changeJson(join(root, 'packages', name, 'package.json'), edit);
  beforeEach(() => {
    for (const name of ['core', 'platform', 'supervisor']) {
      mkdirSync(join(root, 'packages', name), { recursive: true });
      copyFileSync(join(ROOT, 'packages', name, 'package.json'), join(root, 'packages', name, 'package.json'));
    }
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('nothing is wrong: it is not, and neither is this checkout', () => {
    expect([...agreementProblems(root), ...agreementProblems()]).toEqual([]);
  });
  it('a package has another version', () => {
    change('supervisor', (manifest) => (manifest.version = '9.9.9'));
    expect(agreementProblems(root)).toEqual([`supervisor: has version 9.9.9, @boxlite/platform has ${VERSION}`]);
  });
  it('the loader does not depend on a platform package', () => {
    change('platform', (manifest) => delete manifest.optionalDependencies['@boxlite/platform-linux-x64']);
    expect(agreementProblems(root).join()).toContain('optionalDependencies must be');
  });
  it('the loader takes any version of a platform package', () => {
    change('platform', (manifest) => (manifest.optionalDependencies['@boxlite/platform-linux-x64'] = '^1.0.0'));
    expect(agreementProblems(root).join()).toContain('must be "workspace:*"');
  });
});
