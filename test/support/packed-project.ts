import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './run-cli.js';
import { removeHome } from './temporary-home.js';

const run = promisify(execFile);
const PNPM = join(REPOSITORY, '.cache/tools/node_modules/.bin/pnpm');
/** What only compiling needs: here it is compiled, and the rest is a tenth of it. */
const ONLY_TO_BUILD = {
  dependencies: ['prebuild-install'],
  files: ['deps', 'src', 'build/Release/obj', 'build/Release/obj.target'],
};
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

interface Manifest {
  readonly name: string;
  /** Of our own packages: by subpath, by condition. */
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A project that has installed BoxLite the way a stranger's does: from packed tarballs, nothing of the workspace linked. */
export interface PackedProject {
  readonly directory: string;
  /** The installed `boxlite`. */
  readonly cli: string;
  remove(): Promise<void>;
}

/**
 * Packs `@boxlite/cli` and everything it needs of the workspace, and installs the tarballs with npm, without a registry: third-party packages are
 * packed from where the workspace has them, built as they are there.
 * @param examples directories below `examples/` that are copied beside the installation
 * @param packages directories below `examples/` that are packed and installed like any package
 */
export async function packedProject(
  examples: readonly string[],
  packages: readonly string[] = [],
): Promise<PackedProject> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-stranger-')));
  const remove = () => removeHome(directory);
  try {
    const tarballs = join(directory, 'tarballs');
    await mkdir(tarballs);
    await packWorkspace(tarballs);
    await packThirdParty(tarballs);
    for (const name of packages) {
      await run('npm', ['pack', '--pack-destination', tarballs], { cwd: join(REPOSITORY, 'examples', name) });
    }
    for (const name of examples) await run('cp', ['-r', join(REPOSITORY, 'examples', name), directory]);
    await install(directory, tarballs);
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return { directory, cli: join(directory, 'node_modules/.bin/boxlite'), remove };
}

async function packWorkspace(tarballs: string): Promise<void> {
  const chosen = ['--filter-prod', '@boxlite/cli...'];
  await run(PNPM, [...chosen, 'pack', '--pack-destination', tarballs], {
    cwd: REPOSITORY,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
}

/** Packages of a registry that the packages of the workspace need at run time, and what those need. */
async function packThirdParty(tarballs: string): Promise<void> {
  const packed = new Set<string>();
  const pack = async (modules: string, { dependencies = {} }: Manifest): Promise<void> => {
    for (const name of Object.keys(dependencies).filter((dependency) => !dependency.startsWith('@boxlite/'))) {
      if (packed.has(name)) continue;
      packed.add(name);
      const found = await realpath(join(modules, name));
      const manifest = await packOne(found, join(tarballs, `third-party-${packed.size}`));
      await pack(found.slice(0, found.lastIndexOf(`/${name}`)), manifest);
    }
  };
  for (const name of await readdir(join(REPOSITORY, 'packages'))) {
    const directory = join(REPOSITORY, 'packages', name);
    await pack(join(directory, 'node_modules'), await manifestOf(directory));
  }
}

/** Writes `<target>.tgz`. @returns the manifest in it */
async function packOne(directory: string, target: string): Promise<Manifest> {
  await run('cp', ['-r', directory, target]);
  for (const file of ONLY_TO_BUILD.files) await rm(join(target, file), { recursive: true, force: true });
  const { dependencies = {}, ...rest } = await manifestOf(directory);
  const kept = Object.entries(dependencies).filter(([name]) => !ONLY_TO_BUILD.dependencies.includes(name));
  const manifest: Manifest = { ...rest, dependencies: Object.fromEntries(kept) };
  await writeFile(join(target, 'package.json'), JSON.stringify(manifest));
  await run('tar', ['-czf', `${target}.tgz`, '--transform=s,^\\.,package,', '-C', target, '.']);
  await rm(target, { recursive: true });
  return manifest;
}

async function manifestOf(directory: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** A tarball whose manifest promises files that are not in it was packed from a build that is not complete. */
async function checkExports(tarball: string, { name, exports = {} }: Manifest): Promise<void> {
  const { stdout } = await run('tar', ['-tzf', tarball], { maxBuffer: MAX_OUTPUT_BYTES });
  const files = new Set(stdout.split('\n'));
  const promised = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  const missing = promised.filter((target) => !files.has(target.replace('./', 'package/')));
  if (missing.length > 0) throw new Error(`${name} is packed without ${missing.join(', ')}: build it first`);
}

async function install(directory: string, tarballs: string): Promise<void> {
  const dependencies: Record<string, string> = {};
  for (const file of (await readdir(tarballs)).sort()) {
    const { stdout } = await run('tar', ['-xOzf', join(tarballs, file), 'package/package.json']);
    const manifest = JSON.parse(stdout) as Manifest;
    const { name } = manifest;
    // Packages of other platforms are optional, and npm leaves them out by itself when they come from a registry.
    if (/^@boxlite\/(platform|kernel)-/.test(name) && !name.endsWith(`-${process.platform}-${process.arch}`)) continue;
    if (name.startsWith('@boxlite/')) await checkExports(join(tarballs, file), manifest);
    dependencies[name] = `file:tarballs/${file}`;
  }
  const manifest = { name: 'stranger', version: '1.0.0', private: true, type: 'module', dependencies };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest, null, 2));
  const options = ['--offline', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...options], {
    cwd: directory,
    env: { ...process.env, npm_config_cache: join(directory, '.npm') },
    maxBuffer: MAX_OUTPUT_BYTES,
  });
}
