import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildGuestRootfs, cleanupGuestRootfs, createGuestRootfs, type GuestRootfs } from '../src/index.js';
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
  it.each(['extracted', 'overlay-mount'] as const)('of strategy %s puts the agent in', async (kind) => {
    const prepared = await prepare();
    const strategy = kind === 'extracted' ? ({ kind, layers: 2 } as const) : overlay(prepared).strategy;
    const rootfs = await buildGuestRootfs({ path: prepared.merged, strategy }, prepared.agent);
    const agent = join(rootfs.path, 'boxlite/bin/boxlite-guest');
    expect((await readFile(agent)).equals(fakeAgent('one'))).toBe(true);
    expect((await stat(agent)).mode & 0o7777).toBe(0o755);
    expect(await readdir(join(rootfs.path, 'boxlite/bin'))).toEqual(['boxlite-guest']);
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
    for (const name of ['boxlite-guest', 'boxlite-guest.new'])
      await symlink(victim, join(other.merged, 'boxlite/bin', name));
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
  const neverUnmount = () => Promise.reject(new Error('must not unmount'));

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
    await cleanupGuestRootfs(overlay(prepared), async (path) => {
      expect(await readdir(prepared.parent)).toHaveLength(5);
      unmounted.push(path);
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
    const busy = () => Promise.reject(new Error('target is busy'));
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

  it.skipIf(!isRoot)('unmounts a real mount, and keeps everything while it is busy (needs root)', async () => {
    const prepared = await prepare();
    await run('mount', '-t', 'tmpfs', 'tmpfs', prepared.merged);
    const before = process.cwd();
    process.chdir(prepared.merged);
    try {
      await expect(cleanupGuestRootfs(overlay(prepared))).rejects.toMatchObject({ code: 'storage_error' });
    } finally {
      process.chdir(before);
    }
    expect(await readdir(prepared.parent)).toHaveLength(5);
    await cleanupGuestRootfs(overlay(prepared));
    expect(await readdir(dirname(prepared.parent))).toEqual(['agent']);
  });
});
