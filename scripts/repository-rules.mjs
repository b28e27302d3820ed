#!/usr/bin/env node
// Rules of this repository that no linter knows: complete manifests, READMEs, file sizes, no host paths or registry names.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAX_SOURCE_LINES = 400;
const PACKAGES = [
  ...[
    'core',
    'layout',
    'db',
    'disk-qcow2',
    'disk-reflink',
    'images',
    'rootfs',
    'guest-kernel',
    'platform',
    'platform-linux-x64',
    'platform-linux-arm64',
    'platform-darwin-arm64',
    'kernel-linux-x64',
    'kernel-linux-arm64',
    'guest-agent',
    'kvm-probe',
    'supervisor',
  ],
  ...[
    'jailer',
    'jailer-bwrap',
    'jailer-landlock',
    'jailer-seatbelt',
    'vmm-libkrun',
    'vmm-qemu',
    'network',
    'sdk',
    'cli',
  ],
];
const REGISTRY_NAMES = new RegExp(['registry\\.npmjs', 'npmjs\\.org', 'deb\\.debian', 'yarnpkg\\.com'].join('|'));
const MACHINE_PATHS = new RegExp(`${['', 'work', 'main'].join('/')}\\b|${['', 'root', '\\.'].join('/')}`);

const problems = [];
const read = (file) => readFileSync(join(ROOT, file), 'utf8');
const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .stdout.split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));

for (const name of PACKAGES) {
  if (!existsSync(join(ROOT, `packages/${name}/README.md`))) problems.push(`packages/${name}: no README.md`);
}
for (const name of readdirSync(join(ROOT, 'packages'))) checkManifest(name);

function checkManifest(name) {
  const manifest = JSON.parse(read(`packages/${name}/package.json`));
  const where = `packages/${name}/package.json`;
  // A kernel package holds Linux and nothing of ours that could have other terms.
  const license = name.startsWith('kernel-') ? 'GPL-2.0-only' : 'Apache-2.0';
  const expected = { name: `@boxlite/${name}`, license, type: 'module', sideEffects: false };
  for (const [key, value] of Object.entries(expected)) {
    if (manifest[key] !== value) problems.push(`${where}: ${key} must be ${JSON.stringify(value)}`);
  }
  if (manifest.engines?.node !== '>=20.19') problems.push(`${where}: engines.node must be ">=20.19"`);
  if (manifest.scripts?.install || manifest.scripts?.postinstall)
    problems.push(`${where}: no install scripts for users`);
}

for (const file of tracked.filter((path) => /\.(ts|mts|mjs|c|h|cc)$/.test(path) && !/\/gen\//.test(path))) {
  const text = read(file);
  const lines = text.split('\n').length - 1;
  if (lines > MAX_SOURCE_LINES) problems.push(`${file}: ${lines} lines, the most is ${MAX_SOURCE_LINES}`);
}
for (const file of tracked.filter((path) => !/\.(png|gz|bin)$/.test(path))) {
  const text = read(file);
  if (REGISTRY_NAMES.test(text)) problems.push(`${file}: names the host of a package registry`);
  if (MACHINE_PATHS.test(text)) problems.push(`${file}: names a path of one machine`);
}

for (const problem of problems) console.error(problem);
console.log(`repository rules: ${tracked.length} files, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
