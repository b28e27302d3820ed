import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stagingName } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import {
  buildGuestRootfs,
  cleanupGuestRootfs,
  createGuestRootfs,
  type GuestRootfs,
  type GuestRootfsStrategy,
  type Unmounting,
} from '../src/index.js';
import { bundleFixture } from './support/bundle.js';
import { fakeAgent } from './support/guest-home.js';
import { isRoot, run, temporaryDirectory } from './support/host.js';

interface Prepared {
  readonly parent: string;
  readonly merged: string;
  readonly agent: { readonly agentPath: string; readonly architecture: string };
}

async function prepare(): Promise<Prepared> {
  const directory = await temporaryDirectory();
  const parent = join(directory, 'rootfs');
  for (const name of ['merged', 'upper', 'work', 'patch', 'lower'])
    await mkdir(join(parent, name), { recursive: true });
  const agentPath = join(directory, 'agent');
  await writeFile(agentPath, fakeAgent('one'));
  return { parent, merged: join(parent, 'merged'), agent: { agentPath, architecture: 'x64' } };
}

const overlay = ({ parent, merged }: Prepared): GuestRootfs =>
  createGuestRootfs({
    path: merged,
    strategy: {
      kind: 'overlay-mount',
      lower: [join(parent, 'lower')],
      upper: join(parent, 'upper'),
      work: join(parent, 'work'),
    },
  });

describe('building a guest rootfs in a directory', () => {
  it('of strategy extracted puts the agent in', async () => {
    const prepared = await prepare();
    const strategy = { kind: 'extracted', layers: 2 } as const;
    const rootfs = await buildGuestRootfs({ path: prepared.merged, strategy }, prepared.agent);
    const agent = join(rootfs.path, 'boxlite/bin/boxlite-guest');
    expect((await readFile(agent)).equals(fakeAgent('one'))).toBe(true);
    expect((await stat(agent)).mode & 0o7777).toBe(0o755);
    expect(await readdir(join(rootfs.path, 'boxlite/bin'))).toEqual(['boxlite-guest']);
  });

  it('of strategy extracted is refused where there is no directory', async () => {
    const prepared = await prepare();
    const build = buildGuestRootfs(
      { path: join(prepared.parent, 'nothing'), strategy: { kind: 'extracted', layers: 1 } },
      prepared.agent,
    );
    await expect(build).rejects.toMatchObject({ code: 'storage_error' });
  });

  it('removes what a process that was killed while it put the agent in has left', async () => {
    const prepared = await prepare();
    const directory = join(prepared.merged, 'boxlite/bin');
    await mkdir(directory, { recursive: true });
    for (const name of [
      stagingName({ pid: 1, startTime: 1, bootId: '0123abcd-of-another-boot' }),
      stagingName(),
      'of-the-image',
    ]) {
      await writeFile(join(directory, name), '');
    }
    await buildGuestRootfs({ path: prepared.merged, strategy: { kind: 'extracted', layers: 1 } }, prepared.agent);
    // That of a process that lives is being written.
    expect((await readdir(directory)).sort()).toEqual([
      expect.stringContaining(`${process.pid}-`),
      'boxlite-guest',
      'of-the-image',
    ]);
  });

  it('never writes to a direct one', async () => {
    const prepared = await prepare();
    expect(await buildGuestRootfs({ path: prepared.merged }, prepared.agent)).toMatchObject({
      strategy: { kind: 'direct' },
    });
    expect(await readdir(prepared.merged)).toEqual([]);
  });

  it('never follows a symlink of the image out of its root', async () => {
    const prepared = await prepare();
    const outside = await temporaryDirectory();
    await symlink(outside, join(prepared.merged, 'boxlite'));
    await buildGuestRootfs({ path: prepared.merged, strategy: { kind: 'extracted', layers: 1 } }, prepared.agent);
    expect(await readdir(outside)).toEqual([]);
    expect((await lstat(join(prepared.merged, 'boxlite'))).isDirectory()).toBe(true);

    const other = await prepare();
    await mkdir(join(other.merged, 'boxlite/bin'), { recursive: true });
    const victim = join(outside, 'victim');
    await writeFile(victim, 'precious');
    await symlink(victim, join(other.merged, 'boxlite/bin/boxlite-guest'));
    await buildGuestRootfs({ path: other.merged, strategy: { kind: 'extracted', layers: 1 } }, other.agent);
    expect(await readFile(victim, 'utf8')).toBe('precious');
    expect((await lstat(join(other.merged, 'boxlite/bin/boxlite-guest'))).isFile()).toBe(true);
  });

  it('refuses an agent for another architecture before it writes', async () => {
    const prepared = await prepare();
    const build = buildGuestRootfs(
      { path: prepared.merged, strategy: { kind: 'extracted', layers: 1 } },
      { ...prepared.agent, architecture: 'arm64' },
    );
    await expect(build).rejects.toMatchObject({ code: 'agent_invalid' });
    expect(await readdir(prepared.merged)).toEqual([]);
  });
});

describe('cleaning up a guest rootfs', () => {
  const neverUnmount: Unmounting = {
    unmount: () => Promise.reject(new Error('must not unmount')),
    isMounted: async () => true,
  };

  it('leaves a direct one and a disk alone: they are the caller’s and the cache’s', async () => {
    const { merged, parent } = await prepare();
    const disk = join(parent, 'disk.ext4');
    await writeFile(disk, 'disk');
    await cleanupGuestRootfs(createGuestRootfs({ path: merged }), neverUnmount);
    await cleanupGuestRootfs(
      createGuestRootfs({ path: disk, strategy: { kind: 'disk', diskPath: disk } }),
      neverUnmount,
    );
    expect(await readdir(parent)).toHaveLength(6);
  });

  it('removes the parent of an extracted one, with all beside it', async () => {
    const { merged, parent } = await prepare();
    await cleanupGuestRootfs(
      createGuestRootfs({ path: merged, strategy: { kind: 'extracted', layers: 1 } }),
      neverUnmount,
    );
    expect(await readdir(dirname(parent))).toEqual(['agent']);
  });

  it('unmounts an overlay first', async () => {
    const prepared = await prepare();
    const unmounted: string[] = [];
    await cleanupGuestRootfs(overlay(prepared), {
      async unmount(path) {
        expect(await readdir(prepared.parent)).toHaveLength(5);
        unmounted.push(path);
      },
      isMounted: async () => false,
    });
    expect(unmounted).toEqual([prepared.merged]);
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });

  it('skips unmounting when the merged directory is missing', async () => {
    const prepared = await prepare();
    await run('rmdir', prepared.merged);
    await cleanupGuestRootfs(overlay(prepared), neverUnmount);
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });

  it('removes nothing when unmounting fails, and says so', async () => {
    const prepared = await prepare();
    const busy: Unmounting = {
      unmount: () => Promise.reject(new Error('target is busy')),
      isMounted: async () => true,
    };
    await expect(cleanupGuestRootfs(overlay(prepared), busy)).rejects.toMatchObject({
      code: 'storage_error',
      message: expect.stringContaining('target is busy'),
      hint: expect.stringContaining('nothing has been removed'),
    });
    expect(await readdir(prepared.parent)).toHaveLength(5);
  });

  it('never removes the root directory', async () => {
    for (const path of ['/', '/merged', 'relative/merged']) {
      const rootfs = createGuestRootfs({ path, strategy: { kind: 'extracted', layers: 1 } });
      await expect(cleanupGuestRootfs(rootfs, neverUnmount)).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });

  it('goes on when nothing is mounted any more: the host was restarted, or another process has unmounted it', async () => {
    const prepared = await prepare();
    await cleanupGuestRootfs(overlay(prepared));
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });

  it('is fine when everything is gone already', async () => {
    const prepared = await prepare();
    await rm(prepared.parent, { recursive: true });
    await cleanupGuestRootfs(overlay(prepared));
    await cleanupGuestRootfs(createGuestRootfs({ path: prepared.merged, strategy: { kind: 'extracted', layers: 1 } }));
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });
});

describe.skipIf(!isRoot)('a guest rootfs that is a real overlay (needs root)', () => {
  const build = (prepared: Prepared) =>
    buildGuestRootfs({ path: prepared.merged, strategy: overlay(prepared).strategy }, prepared.agent);
  const mounts = async (path: string) =>
    (await readFile('/proc/self/mountinfo', 'latin1')).split('\n').filter((line) => line.includes(` ${path} `)).length;

  it('is mounted, with the agent in its upper directory and the layers as they were', async () => {
    const prepared = await prepare();
    const { parent, merged } = prepared;
    await rm(merged, { recursive: true });
    await rm(join(parent, 'upper'), { recursive: true });
    await writeFile(join(parent, 'lower/of-the-layer'), 'layer');
    const rootfs = await build(prepared);
    try {
      expect(await readFile(join(rootfs.path, 'of-the-layer'), 'utf8')).toBe('layer');
      expect((await readFile(join(merged, 'boxlite/bin/boxlite-guest'))).equals(fakeAgent('one'))).toBe(true);
      expect((await stat(merged)).mode & 0o7777).toBe(0o755);
      expect(await readdir(join(parent, 'upper'))).toEqual(['boxlite']);
      expect(await readdir(join(parent, 'lower'))).toEqual(['of-the-layer']);
      await build(prepared);
      expect(await mounts(merged)).toBe(1);
    } finally {
      await cleanupGuestRootfs(rootfs);
    }
    expect([await mounts(merged), await readdir(dirname(parent))]).toEqual([0, ['agent']]);
  });

  it('is kept with everything in it while it is busy, and removed afterwards', async () => {
    const prepared = await prepare();
    const rootfs = await build(prepared);
    const before = process.cwd();
    process.chdir(prepared.merged);
    try {
      await expect(cleanupGuestRootfs(rootfs)).rejects.toMatchObject({ code: 'storage_error' });
    } finally {
      process.chdir(before);
    }
    expect(await readdir(prepared.parent)).toHaveLength(5);
    expect(await readdir(prepared.merged)).toEqual(['boxlite']);
    await cleanupGuestRootfs(rootfs);
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });

  it('does not stay mounted when the agent cannot be put in', async () => {
    const prepared = await prepare();
    const { parent, merged, agent } = prepared;
    await expect(
      buildGuestRootfs({ path: merged, strategy: overlay(prepared).strategy }, { ...agent, architecture: 'arm64' }),
    ).rejects.toMatchObject({ code: 'agent_invalid' });
    expect(await mounts(merged)).toBe(0);
    // A tree one cannot write into.
    await run('mount', '-t', 'tmpfs', '-o', 'size=4k,nr_inodes=3', 'tmpfs', join(parent, 'patch'));
    const tiny = { ...overlay(prepared).strategy, upper: join(parent, 'patch/u'), work: join(parent, 'patch/w') };
    try {
      await expect(buildGuestRootfs({ path: merged, strategy: tiny as GuestRootfsStrategy }, agent)).rejects.toThrow();
      expect(await mounts(merged)).toBe(0);
    } finally {
      await run('umount', join(parent, 'patch'));
    }
  });

  it.each([
    ['strategy.lower.1', 'not_found', { lower: ['lower', 'gone'] }],
    ['strategy.lower', 'invalid_argument', { lower: [] }],
    ['strategy.upper', 'invalid_argument', { upper: 'up:per' }],
    ['strategy.work', 'invalid_argument', { work: 'wo,rk' }],
  ])('is refused with the field %s and nothing made: %s', async (field, code, change) => {
    const prepared = await prepare();
    const { parent, merged, agent } = prepared;
    await rm(merged, { recursive: true });
    const paths = Object.entries(change).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((directory) => join(parent, directory)) : join(parent, value as string),
    ]);
    const strategy = { ...overlay(prepared).strategy, ...Object.fromEntries(paths) } as GuestRootfsStrategy;
    await expect(buildGuestRootfs({ path: merged, strategy }, agent)).rejects.toMatchObject({
      code,
      details: { field },
    });
    expect((await readdir(parent)).sort()).toEqual(['lower', 'patch', 'upper', 'work']);
  });

  it('is mounted once by 20 processes that build it at once, and removed by 20 that clean up at once', async () => {
    const prepared = await prepare();
    await rm(prepared.merged, { recursive: true });
    const program = await bundleFixture('guest-directories', dirname(prepared.parent));
    const all = (action: string) =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          run(process.execPath, program, action, JSON.stringify(overlay(prepared)), prepared.agent.agentPath),
        ),
      );
    expect(new Set(await all('build'))).toEqual(new Set(['done\n']));
    expect(await mounts(prepared.merged)).toBe(1);
    expect(await readdir(join(prepared.merged, 'boxlite/bin'))).toEqual(['boxlite-guest']);
    expect(new Set(await all('clean'))).toEqual(new Set(['done\n']));
    expect([await mounts(prepared.merged), existsSync(prepared.parent)]).toEqual([0, false]);
  });

  it('is refused to an ordinary user, and what root has mounted stays whole when one cleans up', async () => {
    const prepared = await prepare();
    const { parent, merged } = prepared;
    const program = await bundleFixture('guest-directories', dirname(parent));
    await run('chown', '-R', 'nobody', dirname(parent));
    await run('chmod', '755', dirname(parent));
    const asNobody = (action: string) =>
      run(
        'runuser',
        '-u',
        'nobody',
        '--',
        process.execPath,
        program,
        action,
        JSON.stringify(overlay(prepared)),
        prepared.agent.agentPath,
      );
    expect(await asNobody('build')).toBe('permission_denied\n');
    expect([await mounts(merged), await readdir(merged)]).toEqual([0, []]);
    const rootfs = await build(prepared);
    expect(await asNobody('clean')).toBe('storage_error\n');
    expect(await readdir(merged)).toEqual(['boxlite']);
    await cleanupGuestRootfs(rootfs);
  });
});

describe('a guest rootfs of strategy extracted', () => {
  it('gets one whole agent when 20 processes build it at once', async () => {
    const prepared = await prepare();
    const program = await bundleFixture('guest-directories', dirname(prepared.parent));
    const rootfs = createGuestRootfs({ path: prepared.merged, strategy: { kind: 'extracted', layers: 1 } });
    const all = (action: string) =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          run(process.execPath, program, action, JSON.stringify(rootfs), prepared.agent.agentPath),
        ),
      );
    expect(new Set(await all('build'))).toEqual(new Set(['done\n']));
    const directory = join(prepared.merged, 'boxlite/bin');
    expect(await readdir(directory)).toEqual(['boxlite-guest']);
    expect((await readFile(join(directory, 'boxlite-guest'))).equals(fakeAgent('one'))).toBe(true);
    expect(new Set(await all('clean'))).toEqual(new Set(['done\n']));
    expect(existsSync(prepared.parent)).toBe(false);
  });
});
