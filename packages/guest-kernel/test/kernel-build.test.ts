import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  cachedEntry,
  installEntry,
  kernelCacheDirectory,
  latestEntry,
  makeStaging,
  setLatest,
} from '../kernel/build/cache.mjs';
import { lostOptions, mergeFragments, parseConfig } from '../kernel/build/config.mjs';
import { cacheKey } from '../kernel/build/inputs.mjs';
import { missingPackages, SOURCE_TARBALL } from '../kernel/build/obstacles.mjs';
import { crossPrefix, FRAGMENTS, fragmentNames, MAX_VCPUS, TARGETS } from '../kernel/build/target.mjs';

const PROGRAM = join(import.meta.dirname, '../kernel/build-kernel.mjs');
const scratch = mkdtempSync(join(tmpdir(), 'kernel-build-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const fragment = (name: string) => ({ name, text: readFileSync(join(FRAGMENTS, name), 'utf8') });
const canBuild = missingPackages('linux-x64').length === 0;

describe('the configuration fragments', () => {
  it.each(Object.keys(TARGETS))('of %s merge, and none names an option of another', (target) => {
    const merged = parseConfig(mergeFragments(fragmentNames(target).map(fragment)), 'merged');
    expect(merged.get('CONFIG_NR_CPUS')).toBe(String(MAX_VCPUS));
    expect(merged.get('CONFIG_SECURITY_LANDLOCK')).toBe('y');
  });

  it('say why, before each group of options', () => {
    for (const name of readdirSync(FRAGMENTS)) {
      const groups = fragment(name).text.trim().split('\n\n');
      for (const group of groups) expect(group, `${name}: ${group.split('\n')[0]}`).toMatch(/^# (?!CONFIG_)/);
    }
  });

  it('that name one option twice are refused, and so is a line that is no option', () => {
    const one = { name: 'a.config', text: 'CONFIG_NET=y\n' };
    expect(() => mergeFragments([one, { name: 'b.config', text: '# CONFIG_NET is not set\n' }])).toThrow(
      'CONFIG_NET is in a.config and in b.config',
    );
    expect(() => parseConfig('CONFIG_NET\n', 'c.config')).toThrow('c.config:1');
  });
});

describe('the check of the finished configuration', () => {
  it('names every option that was dropped, changed or set against the fragments', () => {
    const wanted = 'CONFIG_NET=y\nCONFIG_HZ=250\nCONFIG_TUN=y\n# CONFIG_PCI is not set\n';
    expect(lostOptions(wanted, 'CONFIG_NET=y\nCONFIG_HZ=100\nCONFIG_PCI=y\n# CONFIG_TUN is not set\n')).toEqual([
      'CONFIG_HZ is 100, the fragments say 250',
      'CONFIG_TUN is n, the fragments say y',
      'CONFIG_PCI is y, the fragments say n',
    ]);
    expect(lostOptions(wanted, 'CONFIG_NET=y\nCONFIG_HZ=250\nCONFIG_TUN=y\n')).toEqual([]);
  });
});

describe('the key of the cache', () => {
  const inputs = { target: 'linux-x64', sourceSha256: 'a', configSha256: 'b', compiler: 'gcc 12' };
  it('is one for the same inputs in any order, and another when any input differs', () => {
    expect(cacheKey(inputs)).toMatch(/^[0-9a-f]{64}$/);
    expect(cacheKey(Object.fromEntries(Object.entries(inputs).reverse()))).toBe(cacheKey(inputs));
    for (const name of Object.keys(inputs)) expect(cacheKey({ ...inputs, [name]: 'x' })).not.toBe(cacheKey(inputs));
  });
});

describe('the cache of kernels', () => {
  const key = 'a'.repeat(64);
  const entryIn = (directory: string, size = 6) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'vmlinux'), 'kernel');
    writeFileSync(join(directory, 'kernel.json'), JSON.stringify({ format: 1, file: 'vmlinux', size }));
  };

  it('is below XDG_CACHE_HOME when that is absolute, else below the home directory', () => {
    expect(kernelCacheDirectory({ XDG_CACHE_HOME: '/caches' }, '/home/a')).toBe('/caches/boxlite/kernel');
    expect(kernelCacheDirectory({ XDG_CACHE_HOME: 'caches' }, '/home/a')).toBe('/home/a/.cache/boxlite/kernel');
    expect(kernelCacheDirectory({}, '/home/a')).toBe('/home/a/.cache/boxlite/kernel');
  });

  it('gives the kernel asked for last, and none before the first', () => {
    const cache = join(scratch, 'current');
    entryIn(join(cache, key));
    expect(latestEntry(cache, 'linux-x64')).toBeUndefined();
    setLatest(cache, 'linux-x64', key);
    expect(latestEntry(cache, 'linux-x64')?.directory).toBe(join(cache, key));
    expect(latestEntry(cache, 'linux-arm64')).toBeUndefined();
  });

  it('does not take a kernel that is shorter than its manifest says, and replaces it', () => {
    const cache = join(scratch, 'short');
    entryIn(join(cache, key), 7);
    expect(cachedEntry(cache, key)).toBeUndefined();
    const staged = join(makeStaging(cache, key), 'out');
    entryIn(staged);
    expect(installEntry(cache, key, staged).manifest.size).toBe(6);
  });

  it('keeps the first of two builds of the same inputs', () => {
    const cache = join(scratch, 'twice');
    entryIn(join(cache, key));
    const staged = join(makeStaging(cache, key), 'out');
    entryIn(staged);
    writeFileSync(join(staged, 'vmlinux'), 'second');
    installEntry(cache, key, staged);
    expect(readFileSync(join(cache, key, 'vmlinux'), 'utf8')).toBe('kernel');
  });

  it('is cleaned of what a killed build left, and not of what a running one needs', async () => {
    const cache = join(scratch, 'left');
    const dead = spawn('true');
    await once(dead, 'exit');
    const [left, used] = [`.building-${dead.pid}-aaaa`, `.building-${process.ppid}-aaaa`];
    for (const name of [left, used]) mkdirSync(join(cache, name, 'source'), { recursive: true });
    makeStaging(cache, key);
    expect(existsSync(join(cache, left))).toBe(false);
    expect(existsSync(join(cache, used))).toBe(true);
  });
});

describe('what a build needs', () => {
  it('is named by Debian package', () => {
    const has = (path: string) => ['/bin/gcc', '/bin/make', '/bin/ld', SOURCE_TARBALL].includes(path);
    expect(missingPackages('linux-x64', { has, path: '/bin', machine: 'x64' })).toEqual(
      ['tar', 'patch', 'xz-utils', 'flex', 'bison', 'bc', 'dpkg', 'libelf-dev'].sort(),
    );
    expect(missingPackages('linux-arm64', { has, path: '/bin', machine: 'x64' })).toContain('gcc-aarch64-linux-gnu');
    expect(missingPackages('linux-arm64', { has: () => false, path: '/bin' })).toContain('linux-source-6.1');
  });

  it('is a cross compiler only where the machine is of another architecture', () => {
    expect(crossPrefix('linux-arm64', 'arm64')).toBe('');
    expect(crossPrefix('linux-arm64', 'x64')).toBe('aarch64-linux-gnu-');
  });
});

describe('build-kernel.mjs', () => {
  it('ends with 2 for a target that does not exist', () => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, '--target', 'amiga'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('amiga');
  });

  it('names the packages and the apt command, and ends with 3, where no compiler is', () => {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM], { encoding: 'utf8', env: { PATH: scratch } });
    expect(status).toBe(3);
    expect(stderr).toMatch(/sudo apt-get install .*build-essential.*flex/);
  });

  it.runIf(canBuild)('leaves nothing half-built when it is interrupted', async () => {
    const build = spawn(process.execPath, [PROGRAM], {
      env: { ...process.env, XDG_CACHE_HOME: scratch },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const unpacking = new Promise<void>((resolve) => {
      build.stderr.on('data', (words) => String(words).includes('unpacking') && resolve());
    });
    const exited = once(build, 'exit');
    await unpacking;
    build.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(readdirSync(join(scratch, 'boxlite/kernel'))).toEqual([]);
  });
});
