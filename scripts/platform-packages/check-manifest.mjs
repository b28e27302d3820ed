import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_TARGETS, NATIVE_BINARY_NAMES } from './platform-set.mjs';

/** What is wrong with a platform package's package.json. */
export function manifestProblems(target, directory, version) {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return ['package.json is missing'];
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const [os, cpu] = target.split('-');
  const isBuilt = BUILT_TARGETS.includes(target);
  const wanted = {
    name: `@boxlite/platform-${target}`,
    version,
    license: 'Apache-2.0',
    os: [os],
    cpu: [cpu],
    libc: os === 'linux' ? ['glibc'] : undefined,
    files: isBuilt ? ['bin', 'README.md'] : ['sources', 'manifest.json', 'README.md'],
  };
  const problems = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `package.json: ${key} is ${JSON.stringify(manifest[key])}, not ${JSON.stringify(value)}`);
  for (const script of ['preinstall', 'install', 'postinstall']) {
    if (manifest.scripts?.[script] !== undefined) problems.push(`package.json has the install script ${script}`);
  }
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies']) {
    if (manifest[kind] !== undefined) problems.push(`package.json has ${kind}`);
  }
  // pnpm packs every file as 0644 that is named neither here nor in `bin`. It drops publishConfig from what it packs.
  const executables = manifest.publishConfig?.executableFiles;
  const inCheckout = manifest.publishConfig !== undefined || manifest.scripts?.prepack !== undefined;
  if (isBuilt && inCheckout) {
    const lacking = NATIVE_BINARY_NAMES.filter((name) => !executables?.includes(`./bin/${name}`));
    if (lacking.length > 0) problems.push(`package.json: publishConfig.executableFiles lacks ${lacking.join(', ')}`);
  }
  return problems;
}
