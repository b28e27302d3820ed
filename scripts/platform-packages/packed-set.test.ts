import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setProblems } from './check-set.mjs';
import { ROOT } from './platform-set.mjs';
import { releaseVersion } from './release-version.mjs';

const TARGET = `linux-${process.arch}`;
const PLATFORM = `platform-${TARGET}`;
const PACKAGES = ['core', 'platform', 'supervisor', PLATFORM];
const TOOLS = join(ROOT, '.cache/tools/node_modules/.bin');
const work = mkdtempSync(join(tmpdir(), 'boxlite-packed-'));
const scope = join(work, 'node_modules/@boxlite');

/** What npm makes of the tarballs, without asking a registry for anything. */
beforeAll(() => {
  for (const name of PACKAGES) {
    const tarballs = join(work, `${name}.tarballs`);
    execFileSync('pnpm', ['pack', '--pack-destination', tarballs], {
      cwd: join(ROOT, 'packages', name),
      env: { ...process.env, PATH: `${TOOLS}:${process.env.PATH}` },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    mkdirSync(join(scope, name), { recursive: true });
    const [tarball] = readdirSync(tarballs);
    execFileSync('tar', ['-xzf', join(tarballs, tarball ?? ''), '--strip-components=1', '-C', join(scope, name)]);
  }
}, 300_000);
afterAll(() => rmSync(work, { recursive: true }));

/** Runs a program as a user's project would. */
function node(text: string, env: Record<string, string> = {}) {
  writeFileSync(join(work, 'program.mjs'), text);
  return spawnSync(process.execPath, [join(work, 'program.mjs')], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
}

const ASK = `
import { nativeBinary } from '@boxlite/platform';
try {
  console.log(nativeBinary('kvm-probe'));
} catch ({ code, details }) {
  console.log(code, details.reason);
}`;

it('the tarball of a platform package is a complete set, with modes', () => {
  expect(setProblems(TARGET, join(scope, PLATFORM), releaseVersion())).toEqual([]);
});

it('no other tarball carries native programs', () => {
  expect(readdirSync(join(scope, 'supervisor')).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
});

it('packages installed from tarballs find the programs of the platform package, and run them', () => {
  expect(node(ASK).stdout).toBe(`${join(scope, PLATFORM, 'bin/kvm-probe')}\n`);
  const readme = readFileSync(join(ROOT, 'packages/supervisor/README.md'), 'utf8');
  const example = node(/^```js\n(.*?)^```$/ms.exec(readme)?.[1] ?? '');
  expect(example.stderr).toBe('');
  expect(example.stdout).toContain('no such disk');
});

it('without the platform package the error says so, also when that of another architecture is there', () => {
  const away = join(work, 'away');
  renameSync(join(scope, PLATFORM), away);
  expect(node(ASK).stdout).toBe('native_missing package-missing\n');
  const other = join(scope, TARGET === 'linux-x64' ? 'platform-linux-arm64' : 'platform-linux-x64');
  renameSync(away, other);
  expect(node(ASK).stdout).toBe('native_missing other-architecture\n');
  renameSync(other, join(scope, PLATFORM));
});

it('BOXLITE_NATIVE_DIR names another set, which must be complete', () => {
  const other = join(work, 'other');
  execFileSync('cp', ['-a', join(scope, PLATFORM, 'bin'), other]);
  expect(node(ASK, { BOXLITE_NATIVE_DIR: other }).stdout).toBe(`${other}/kvm-probe\n`);
  rmSync(join(other, 'krun.node'));
  expect(node(ASK, { BOXLITE_NATIVE_DIR: other }).stdout).toBe('config_error directory-incomplete\n');
});
