import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginRegistry } from '@boxlite/core';
import {
  boxliteKernelPlugin,
  createBoxliteKernelSource,
  createLibkrunfwKernelSource,
  libkrunfwKernelPlugin,
} from '@boxlite/guest-kernel';
import { Boxlite, type BoxliteOptions, defaultRegistry } from '@boxlite/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { failureOf } from '../support/failure-of.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const MIB = 1024 * 1024;
/** The kernel `npm test` has built; where it could not, what needs it is skipped. */
const own = await ownKernel();
let directory: string;
/** The kernels of both sources as files. */
let libkrunfw: { readonly path: string; readonly version: string };
let home: TemporaryHome;
const opened: Boxlite[] = [];

async function ownKernel() {
  const scratch = await mkdtemp(join(tmpdir(), 'boxlite-own-'));
  try {
    return await createBoxliteKernelSource({ home: scratch }).kernel();
  } catch {
    return undefined; // Not built here: npm run build:kernel says why.
  } finally {
    await rm(scratch, { recursive: true });
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-kernel-choice-'));
  libkrunfw = await createLibkrunfwKernelSource({ home: join(directory, 'libkrunfw') }).kernel();
  home = await temporaryHome();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const boxlite of opened.splice(0)) await boxlite.shutdown();
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await home.end();
});

async function openHome(options: BoxliteOptions = {}): Promise<Boxlite> {
  const boxlite = await Boxlite.open({ homeDir: home.home, templates: false, ...options });
  opened.push(boxlite);
  return boxlite;
}

/** What a new box boots. */
async function bootedBy(boxlite: Boxlite, options: Parameters<Boxlite['create']>[0] = {}) {
  const box = await boxlite.create({ memoryMib: 160, ...options });
  try {
    const { stdout } = await box.run('uname', ['-r']);
    return { release: String(stdout).trim(), kernel: (await box.info()).kernel };
  } finally {
    await boxlite.remove(box.id, { force: true });
  }
}

async function digestOf(path: string): Promise<string> {
  return `sha256:${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`;
}

/** A build cache with a copy of our kernel. */
async function copyOfCache(): Promise<{ readonly cacheHome: string; readonly kernel: string }> {
  const cacheHome = await mkdtemp(join(directory, 'cache-'));
  const cache = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '', '.cache'), 'boxlite/kernel');
  const copy = join(cacheHome, 'boxlite/kernel');
  await mkdir(copy, { recursive: true });
  await cp(join(cache, 'latest-x86_64/'), join(copy, 'k'), { recursive: true, dereference: true });
  await symlink('k', join(copy, 'latest-x86_64'));
  return { cacheHome, kernel: join(copy, 'k', 'vmlinux') };
}

describe.skipIf(own === undefined)('BoxLite’s own kernel', () => {
  it('is what a box boots that names none, and the record says so', async () => {
    const { release, kernel } = await bootedBy(await openHome());
    expect(release).toBe(own?.version);
    expect(kernel).toEqual({ source: 'boxlite', digest: own?.digest, version: own?.version });
  });

  it('is not booted where libkrunfw’s is named: by the box, the runtime, or the environment', async () => {
    const expected = { release: libkrunfw.version, kernel: { source: 'libkrunfw', version: libkrunfw.version } };
    expect(libkrunfw.version).not.toBe(own?.version);
    expect(await bootedBy(await openHome(), { kernel: 'libkrunfw' })).toMatchObject(expected);
    expect(await bootedBy(await openHome({ kernel: 'libkrunfw' }))).toMatchObject(expected);
    vi.stubEnv('BOXLITE_KERNEL', 'libkrunfw');
    expect(await bootedBy(await openHome())).toMatchObject(expected);
    expect((await bootedBy(await openHome(), { kernel: 'boxlite' })).release).toBe(own?.version);
  });

  it('is chosen on the command line by --kernel, before a configuration file, and shown by inspect', async () => {
    const config = join(directory, 'config.json');
    await writeFile(config, JSON.stringify({ kernel: 'libkrunfw' }));
    const cli = async (...args: string[]) => {
      const { status, stdout, stderr } = await runCli(args, {
        home: home.home,
        env: { BOXLITE_TEMPLATES: 'off', BOXLITE_CONFIG: config },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return stdout.toString().trim();
    };
    expect(await cli('run', '--rm', '--', 'uname', '-r')).toBe(libkrunfw.version);
    expect(await cli('run', '--rm', '--kernel', 'boxlite', '--', 'uname', '-r')).toBe(own?.version);
    await cli('run', '--name', 'inspected', '--kernel', libkrunfw.path, '--', 'true');
    const [info] = JSON.parse(await cli('inspect', 'inspected'));
    expect(info.kernel).toMatchObject({ source: 'file', version: libkrunfw.version });
    await cli('rm', '-f', 'inspected');
  });

  it('is written to the home again when the copy there was damaged', async () => {
    const path = join(home.home, 'kernels', own?.digest.slice('sha256:'.length) ?? '');
    await truncate(path, MIB);
    expect((await bootedBy(await openHome())).release).toBe(own?.version);
    expect(await digestOf(path)).toBe(own?.digest);
  });

  it('that is damaged in the build cache makes no box fail: the home’s copy is booted, else libkrunfw’s', async () => {
    const { cacheHome, kernel } = await copyOfCache();
    const damage = await open(kernel, 'r+');
    await damage.write('damaged', 3 * MIB);
    await damage.close();
    vi.stubEnv('XDG_CACHE_HOME', cacheHome);
    expect((await bootedBy(await openHome())).release).toBe(own?.version);
    const fresh = await temporaryHome();
    const log: string[] = [];
    const boxlite = await openHome({
      homeDir: fresh.home,
      log: ({ level, message }) => log.push(`${level}: ${message}`),
    });
    expect(await bootedBy(boxlite)).toMatchObject({
      release: libkrunfw.version,
      kernel: { source: 'libkrunfw' },
    });
    expect(log).toContain('warn: the kernel source boxlite gives no kernel, the next one is asked');
    await boxlite.shutdown();
    await fresh.end();
  });

  it('can use 64 processors, and a box is refused more', async () => {
    const boxlite = await openHome();
    const box = await boxlite.create({ cpus: 65 });
    const error = await failureOf(box.start());
    expect(error).toMatchObject({ code: 'unsupported', details: { field: 'cpus' } });
    expect(error.hint).toContain('give at most 64');
    await boxlite.remove(box.id);
  });
});

describe('a kernel of the user', () => {
  it('is booted, kept in the home by its digest, and recorded', async () => {
    const { release, kernel } = await bootedBy(await openHome(), { kernel: libkrunfw.path });
    expect(release).toBe(libkrunfw.version);
    const digest = await digestOf(libkrunfw.path);
    expect(kernel).toEqual({ source: 'file', digest, version: libkrunfw.version });
  });

  it('is what its file is at each start; once that is gone, what it was, which no prune takes', async () => {
    const path = join(directory, 'vmlinux');
    await cp(libkrunfw.path, path);
    const warnings: string[] = [];
    const boxlite = await openHome({ log: ({ level, message }) => level === 'warn' && warnings.push(message) });
    const box = await boxlite.create({ kernel: path, memoryMib: 160 });
    expect((await box.info()).kernel).toMatchObject({ source: 'file', version: libkrunfw.version });
    if (own !== undefined) {
      // Changed before its first start: this is what it names now.
      await cp(await copyOfOwn(), path);
      expect(String((await box.run('uname', ['-r'])).stdout).trim()).toBe(own.version);
      await box.stop();
    }
    const expected = (await box.info()).kernel?.version;
    await rm(path);
    await boxlite.system.prune({ all: true });
    expect(String((await box.run('uname', ['-r'])).stdout).trim()).toBe(expected);
    expect(warnings.join()).toContain(`its kernel ${path} does not exist any more`);
    await boxlite.remove(box.id, { force: true });
  });

  it('that is none is refused when the box is made, naming the option', async () => {
    const boxlite = await openHome();
    const bad = join(directory, 'bad');
    await writeFile(bad, 'not a kernel');
    for (const kernel of [bad, directory, join(directory, 'nothing')]) {
      const error = await failureOf(boxlite.create({ kernel }));
      expect(error).toMatchObject({ code: 'kernel_unavailable', details: { field: 'kernel', path: kernel } });
      expect(error.hint).toContain('vmlinux');
    }
    for (const kernel of ['./vmlinux', 'Nope', '']) {
      const error = await failureOf(boxlite.create({ kernel }));
      expect(error).toMatchObject({ code: 'invalid_argument', details: { field: 'kernel' } });
    }
    const unknown = await boxlite.create({ kernel: 'nope' });
    expect(await failureOf(unknown.start())).toMatchObject({ code: 'plugin_unknown', details: { field: 'kernel' } });
    await boxlite.remove(unknown.id);
    expect(await boxlite.list()).toEqual([]);
  });

  it('that has become bad by the start makes it fail, and the box starts once it is mended', async () => {
    const path = join(directory, 'changing');
    await cp(libkrunfw.path, path);
    const boxlite = await openHome();
    const box = await boxlite.create({ kernel: path, memoryMib: 160 });
    await truncate(path, 100_000);
    expect(await failureOf(box.start())).toMatchObject({ code: 'kernel_unavailable', details: { field: 'kernel' } });
    expect((await box.info()).status).toBe('failed');
    await cp(libkrunfw.path, path);
    expect(String((await box.run('uname', ['-r'])).stdout).trim()).toBe(libkrunfw.version);
    await boxlite.remove(box.id, { force: true });
  });
});

describe('a machine without any kernel', () => {
  it('is told every place that was looked at and what to do, and leaves nothing', async () => {
    const empty = await temporaryHome();
    const nowhere = { home: empty.home, environment: {}, resolveFrom: [] };
    const registry = new PluginRegistry();
    for (const kind of ['vmm', 'sandbox', 'disk-store', 'image-source'] as const) {
      for (const plugin of defaultRegistry({ homeDir: empty.home }).list(kind)) registry.register(plugin);
    }
    registry.register(boxliteKernelPlugin(nowhere));
    registry.register(libkrunfwKernelPlugin({ ...nowhere, libraryDirectories: ['/nonexistent'] }));
    const boxlite = await openHome({ homeDir: empty.home, registry });
    const box = await boxlite.create();
    const error = await failureOf(box.start());
    expect(error).toMatchObject({ code: 'kernel_unavailable' });
    for (const place of [
      'BOXLITE_KERNEL_DIR: not set',
      'npm package @boxlite/kernel-linux-x64: not installed',
      'build cache: neither XDG_CACHE_HOME nor HOME names one',
      'BOXLITE_LIBKRUNFW: not set',
      '/nonexistent: no libkrunfw.so.5',
    ]) {
      expect(error.message).toContain(place);
    }
    expect(error.hint).toContain('npm run build:kernel');
    expect(error.hint).toContain('libkrunfw');
    expect(await readdir(join(empty.home, 'kernels'))).toEqual([]);
    await boxlite.remove(box.id);
    await boxlite.shutdown();
    await empty.end();
  });
});

/** Our kernel as a file of the user's. */
async function copyOfOwn(): Promise<string> {
  const scratch = join(directory, 'own');
  return (await createBoxliteKernelSource({ home: scratch }).kernel()).path;
}
