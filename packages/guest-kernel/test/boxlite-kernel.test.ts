import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoxliteError } from '@boxlite/core';
import { kernelSourceConformance, pluginConformance, runConformance } from '@boxlite/core/testing';
import { boxliteKernelPlugin, createBoxliteKernelSource, kernelCacheDirectory } from '@boxlite/guest-kernel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { smallVmlinux, writeBuild, writeCache } from './support/small-build.js';

let directory: string;
let home: string;
let cacheHome: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-own-kernel-'));
  home = join(directory, 'home');
  cacheHome = join(directory, 'cache');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const x64 = { architecture: 'x64', resolveFrom: [] };
const inCache = () => ({ ...x64, home, environment: { XDG_CACHE_HOME: cacheHome } });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('should have failed'),
    (thrown: unknown) => thrown as BoxliteError,
  );

describe("BoxLite's own kernel", () => {
  it('is the one that was built last, under its sha256 in the home, with the number of processors it can use', async () => {
    await writeCache(cacheHome);
    const kernel = await createBoxliteKernelSource(inCache()).kernel();
    expect(kernel).toMatchObject({ version: '6.1.99-boxlite', origin: 'build cache', maxVcpus: 64 });
    expect(kernel.path).toBe(join(home, 'kernels', kernel.digest.slice('sha256:'.length)));
    expect(await readFile(kernel.path)).toEqual(smallVmlinux());
    expect((await stat(kernel.path)).mode & 0o777).toBe(0o600);
  });

  it('is not read again on later starts, and its copy in the home neither', async () => {
    const padding = 4 * 1024 * 1024;
    await writeCache(cacheHome, 'k', { padding });
    const read = async () => Number(/^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
    const first = await createBoxliteKernelSource(inCache()).kernel();
    const before = await read();
    expect(await createBoxliteKernelSource(inCache()).kernel()).toEqual(first);
    expect((await read()) - before).toBeLessThan(padding / 10);
  });

  it('is the newer one at the next start once another was built, in a process that runs on too', async () => {
    await writeCache(cacheHome);
    const source = createBoxliteKernelSource(inCache());
    expect((await source.kernel()).version).toBe('6.1.99-boxlite');
    const cache = join(cacheHome, 'boxlite', 'kernel');
    await writeBuild(join(cache, 'b'), { release: '6.1.100-boxlite' });
    await symlink('b', join(cache, 'latest.new'));
    await rename(join(cache, 'latest.new'), join(cache, 'latest-x86_64'));
    expect((await source.kernel()).version).toBe('6.1.100-boxlite');
  });

  it('is taken from the chosen directory alone, else from the published package before the build cache', async () => {
    await writeCache(cacheHome);
    const chosen = join(directory, 'chosen');
    await writeBuild(chosen, { release: '6.1.1' });
    const published = join(directory, 'node_modules/@boxlite/kernel-linux-x64');
    await writeBuild(join(published, 'kernel'), { release: '6.1.2' });
    await writeFile(
      join(published, 'package.json'),
      JSON.stringify({ exports: { './kernel.json': './kernel/kernel.json', './package.json': './package.json' } }),
    );
    const resolveFrom = [directory];
    const environment = { XDG_CACHE_HOME: cacheHome };
    const named = { ...environment, BOXLITE_KERNEL_DIR: chosen };
    const versionOf = async (options: object) =>
      (await createBoxliteKernelSource({ ...inCache(), ...options }).kernel()).version;
    expect(await versionOf({ environment, resolveFrom })).toBe('6.1.2');
    expect(await versionOf({ environment: named, resolveFrom })).toBe('6.1.1');
    expect(await versionOf({ environment, resolveFrom, directory: chosen })).toBe('6.1.1');
    await rm(join(published, 'kernel'), { recursive: true });
    expect(await versionOf({ environment, resolveFrom })).toBe('6.1.99-boxlite');
  });

  it('is not taken from the package of a checkout, which packing fills: the build cache is the newer', async () => {
    await writeCache(cacheHome);
    const workspace = join(directory, 'packages/kernel-linux-x64');
    await writeBuild(join(workspace, 'kernel'), { release: '6.1.2' });
    await writeFile(
      join(workspace, 'package.json'),
      JSON.stringify({ exports: { './kernel.json': './kernel/kernel.json' } }),
    );
    await mkdir(join(directory, 'node_modules/@boxlite'), { recursive: true });
    await symlink(workspace, join(directory, 'node_modules/@boxlite/kernel-linux-x64'));
    const options = { environment: { XDG_CACHE_HOME: cacheHome }, resolveFrom: [directory] };
    expect((await createBoxliteKernelSource({ ...inCache(), ...options }).kernel()).version).toBe('6.1.99-boxlite');
  });

  it('is what the home has from before when cache and package are gone, unless that was damaged', async () => {
    await writeCache(cacheHome);
    const first = await createBoxliteKernelSource(inCache()).kernel();
    await rm(cacheHome, { recursive: true });
    const { origin: _origin, ...kernel } = first;
    expect(await createBoxliteKernelSource(inCache()).kernel()).toMatchObject(kernel);
    // Copied back from somewhere: another file of the same contents.
    const bytes = await readFile(first.path);
    await rm(first.path);
    await writeFile(first.path, bytes);
    expect(await createBoxliteKernelSource(inCache()).kernel()).toMatchObject(kernel);
    await truncate(first.path, 4096);
    expect(await failure(createBoxliteKernelSource(inCache()).kernel())).toMatchObject({ code: 'kernel_unavailable' });
  });

  it('for arm64 is an Image, which has no PVH entry', async () => {
    await writeCache(cacheHome, 'arm', { architecture: 'arm64' });
    const kernel = await createBoxliteKernelSource({ ...inCache(), architecture: 'arm64' }).kernel();
    expect(kernel.version).toBe('6.1.99-boxlite');
    const hopeless = createBoxliteKernelSource({ ...inCache(), architecture: 'riscv64' });
    expect((await failure(hopeless.kernel())).message).toContain('no kernel of its own for riscv64');
  });

  it('is nowhere: every place is named with its reason, and what makes one', async () => {
    const error = await failure(createBoxliteKernelSource(inCache()).kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable' });
    expect(error.message).toContain('BOXLITE_KERNEL_DIR: not set');
    expect(error.message).toContain('npm package @boxlite/kernel-linux-x64: not installed');
    expect(error.message).toContain(`${cacheHome}/boxlite/kernel/latest-x86_64 (build cache): no kernel was built`);
    expect(error.hint).toContain('npm run build:kernel');
    expect(error.hint).toContain('@boxlite/kernel-linux-x64');
    expect(await boxliteKernelPlugin(inCache()).probe()).toMatchObject({ available: false });
  });

  it('has its cache where the XDG specification says', () => {
    expect(kernelCacheDirectory({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/boxlite/kernel');
    expect(kernelCacheDirectory({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/boxlite/kernel');
    expect(kernelCacheDirectory({})).toBeUndefined();
  });
});

describe('a hostile build cache', () => {
  it.each([
    ['a kernel whose contents are others', { bytes: Buffer.from(smallVmlinux()).fill(1, 9000, 9010) }, 'has sha256'],
    ['a kernel that is cut short', { bytes: smallVmlinux().subarray(0, 5000) }, 'vmlinux is 5000 bytes'],
    ['another release than announced', { manifest: { release: '6.1.98' } }, 'holds Linux 6.1.99-boxlite'],
    ['a file name that leads elsewhere', { manifest: { file: '../../vmlinux' } }, 'does not name vmlinux'],
    ['a size beyond all bounds', { manifest: { size: 2 ** 40 } }, 'no possible size'],
    ['a format of the future', { manifest: { format: 2 } }, 'of a format this version does not know'],
    ['a kernel of another architecture', { manifest: { architecture: 'arm64' } }, 'for other machines'],
    ['a release with control characters', { manifest: { release: '6.1\u001b[2J' } }, 'no release'],
    ['no sha256', { manifest: { sha256: 7 } }, 'no sha256'],
    ['a number of processors that is none', { manifest: { maxVcpus: -1 } }, 'no possible maxVcpus'],
  ])('is passed over with %s', async (_, options, message) => {
    await writeCache(cacheHome, 'k', options);
    const error = await failure(createBoxliteKernelSource(inCache()).kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable' });
    expect(error.message).toContain(message);
    expect(await readdir(join(home, 'kernels')).catch(() => [])).toEqual([]);
  });

  it('is passed over when its manifest is no JSON, too large, or a pipe', async () => {
    const build = await writeCache(cacheHome);
    const manifest = join(build, 'kernel.json');
    for (const text of ['{', '[]', 'null', `{"format":1}${' '.repeat(70_000)}`]) {
      await writeFile(manifest, text);
      expect(await failure(createBoxliteKernelSource(inCache()).kernel())).toMatchObject({
        code: 'kernel_unavailable',
      });
    }
    await rm(manifest);
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [manifest]);
    expect((await failure(createBoxliteKernelSource(inCache()).kernel())).message).toContain('not a regular file');
  });

  it('is passed over when its link leads out of it', async () => {
    await writeBuild(join(directory, 'elsewhere'));
    const cache = join(cacheHome, 'boxlite', 'kernel');
    await mkdir(cache, { recursive: true });
    await symlink(join(directory, 'elsewhere'), join(cache, 'latest-x86_64'));
    expect((await failure(createBoxliteKernelSource(inCache()).kernel())).message).toContain('leads out of the cache');
  });

  it.each([
    '.',
    'boxlite',
    'boxlite/kernel',
    'boxlite/kernel/k',
    'boxlite/kernel/k/vmlinux',
    'boxlite/kernel/k/kernel.json',
  ])('is passed over when every user can write %s', async (path) => {
    await writeCache(cacheHome, 'k');
    const target = join(cacheHome, path);
    await chmod(target, ((await stat(target)).mode & 0o777) | 0o002);
    const error = await failure(createBoxliteKernelSource(inCache()).kernel());
    expect(error.message).toContain('others could exchange it');
  });

  it.skipIf(process.getuid?.() !== 0)('is passed over when it is another user’s (needs root to make one)', async () => {
    const build = await writeCache(cacheHome, 'k');
    await chown(join(build, 'vmlinux'), 65534, 65534);
    const error = await failure(createBoxliteKernelSource(inCache()).kernel());
    expect(error.message).toContain('belongs to user 65534');
  });

  it('is an error at once when the user has chosen it', async () => {
    const chosen = join(directory, 'chosen');
    await writeBuild(chosen, { manifest: { sha256: 'no' } });
    await writeCache(cacheHome);
    const options = { ...inCache(), environment: { ...inCache().environment, BOXLITE_KERNEL_DIR: chosen } };
    const error = await failure(createBoxliteKernelSource(options).kernel());
    expect(error).toMatchObject({
      code: 'kernel_unavailable',
      details: { chosen: true, origin: 'BOXLITE_KERNEL_DIR' },
    });
    expect(await boxliteKernelPlugin(options).probe()).toMatchObject({ available: true });
  });
});

describe("BoxLite's kernel as every kernel source", () => {
  let base: string;
  let caches: string;
  let homes = 0;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'boxlite-own-kernel-'));
    caches = join(base, 'cache');
    await writeCache(caches);
  });
  afterAll(() => rm(base, { recursive: true, force: true }));
  const environment = () => ({ XDG_CACHE_HOME: caches });
  const suite = kernelSourceConformance(async () => {
    homes += 1;
    const own = join(base, `home-${homes}`);
    return {
      home: own,
      create: () => createBoxliteKernelSource({ ...x64, home: own, environment: environment() }),
      createHopeless: () => createBoxliteKernelSource({ ...x64, home: own, environment: {} }),
    };
  });
  runConformance(suite, it);
  const plugins = pluginConformance({
    createPlugin: () => boxliteKernelPlugin({ ...x64, home: join(base, 'plugin'), environment: environment() }),
    createUnavailable: () => boxliteKernelPlugin({ ...x64, home: join(base, 'none'), environment: {} }),
    context: undefined,
    members: ['id', 'kernel'],
  });
  runConformance(plugins, it);
});
