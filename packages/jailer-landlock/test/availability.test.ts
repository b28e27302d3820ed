import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, type SandboxContext } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLandlockSandbox, landlockSandboxPlugin } from '../src/index.js';
import { type LandlockHost, thisHost } from '../src/landlock-host.js';
import { createLandlockSandboxOn } from '../src/landlock-sandbox.js';
import { landlockSandboxPluginOn } from '../src/landlock-sandbox-plugin.js';

const machine = (version: number | string, parts: Partial<LandlockHost> = {}): LandlockHost => ({
  platform: 'linux',
  helperPath: () => '/opt/boxlite-landlock',
  version: async () => version,
  kernelRelease: () => '6.12.0-test',
  securityModules: async () => 'capability,lockdown,yama',
  ids: () => ({ uid: 1000, gid: 1000 }),
  ...parts,
});

const context: SandboxContext = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };

describe('the Landlock sandbox is available', () => {
  it('where the kernel has Landlock, and its probe names the ABI', async () => {
    expect(await createLandlockSandbox().isAvailable()).toEqual({ available: true });
    expect(await landlockSandboxPlugin().probe()).toMatchObject({ detail: expect.stringMatching(/^ABI \d+: files/) });
    expect(await landlockSandboxPluginOn(machine(7)).probe()).toEqual({
      available: true,
      detail: 'ABI 7: files, truncation, TCP, device requests, abstract sockets, signals',
    });
    expect(await landlockSandboxPluginOn(machine(2)).probe()).toMatchObject({
      detail: expect.stringMatching(/^ABI 2: files; not truncation \(Linux 6\.2\), TCP \(Linux 6\.7\)/),
    });
  });

  it.each<[string, LandlockHost, string, string]>([
    [
      'on a kernel older than Landlock',
      machine('absent', { kernelRelease: () => '5.10.0-21' }),
      'older than Landlock',
      'Linux 5.13',
    ],
    ['on a kernel built without it', machine('absent'), 'built without', 'CONFIG_SECURITY_LANDLOCK=y'],
    [
      'where it was disabled at boot',
      machine('disabled'),
      'security modules: capability,lockdown,yama',
      'lsm=landlock,lockdown,yama',
    ],
    ['where a filter hides it', machine('Operation not permitted'), 'Operation not permitted', 'landlock_*'],
    ['on another system', machine(7, { platform: 'darwin' }), 'part of Linux', 'seatbelt'],
    [
      'without its helper',
      machine(7, {
        helperPath: () => {
          throw new BoxliteError('native_missing', 'boxlite-landlock was not found', { hint: 'npm run setup' });
        },
      }),
      'boxlite-landlock was not found',
      'npm run setup',
    ],
    [
      'where the helper cannot be run',
      machine(7, { version: () => Promise.reject(new Error('spawn EACCES')) }),
      'spawn EACCES',
      'install again',
    ],
  ])('not %s, with reason and remedy', async (_where, host, reason, remedy) => {
    const sandbox = createLandlockSandboxOn(host);
    const answer = await sandbox.isAvailable();
    expect(answer).toEqual({
      available: false,
      reason: expect.stringContaining(reason),
      remedy: expect.stringContaining(remedy),
    });
    await expect(sandbox.setup(context)).rejects.toMatchObject({ code: 'sandbox_unavailable', hint: answer.remedy });
    expect(await landlockSandboxPluginOn(host).probe()).toEqual(answer);
    // Nothing starts unconfined.
    expect(sandbox.apply(context, { binary: '/x', args: [], env: {} }).binary).not.toBe('/x');
  });

  it('not where more was asked for than the kernel has', async () => {
    const sandbox = createLandlockSandboxOn(machine(2), { minimumVersion: 6 });
    expect(await sandbox.isAvailable()).toEqual({
      available: false,
      reason: "this kernel has Landlock's ABI 2, and 6 was asked for",
      remedy: 'boot Linux 6.12 or later, or ask for less (minimumVersion)',
    });
  });

  it('and a failed look is not remembered', async () => {
    const answers: (number | string)[] = ['disabled', 7];
    const sandbox = createLandlockSandboxOn(machine(7, { version: async () => answers.shift() ?? 7 }));
    expect((await sandbox.isAvailable()).available).toBe(false);
    expect((await sandbox.isAvailable()).available).toBe(true);
  });

  it('and says where this machine’s kernel is asked that it is Linux', async () => {
    expect(await thisHost.version(thisHost.helperPath())).toBeTypeOf('number');
  });
});

describe('what setup tells', () => {
  const layersOf = async (version: number, parts: Partial<SandboxContext> = {}) => {
    const { layers = [], degradations } = await createLandlockSandboxOn(machine(version)).setup({
      ...context,
      ...parts,
    });
    return { layers, degradations };
  };

  it('of the newest ABI: everything is held, nothing to tell', async () => {
    expect(await layersOf(7, { insideView: true })).toEqual({
      degradations: [],
      layers: [
        {
          name: 'landlock',
          state: 'active',
          detail:
            'ABI 7: files, truncation, TCP, device requests, abstract sockets, signals; no sockets but unix ones, by a filter',
        },
      ],
    });
    const { layers } = await layersOf(9, { insideView: true, networkEnabled: true });
    expect(layers[0]).toMatchObject({
      state: 'active',
      detail: 'ABI 9 (as ABI 7): files, truncation, device requests, abstract sockets, signals',
    });
  });

  it('of an older one: what it lacks, with the kernel that has it', async () => {
    const { layers, degradations } = await layersOf(2, { insideView: true });
    expect(layers[0]).toEqual({
      name: 'landlock',
      state: 'partial',
      detail:
        'ABI 2: files; no sockets but unix ones, by a filter; not truncation (Linux 6.2), TCP (Linux 6.7), device requests (Linux 6.10), abstract sockets (Linux 6.12), signals (Linux 6.12)',
    });
    expect(degradations).toEqual([
      expect.stringMatching(/^Landlock of this kernel \(ABI 2\) does not hold truncation/),
    ]);
    // With a network nobody expects TCP to be held.
    expect((await layersOf(3, { networkEnabled: true })).degradations.join()).not.toContain('TCP');
  });

  it('alone: that there is neither a view nor namespaces, and how the network is held', async () => {
    const { layers } = await layersOf(7);
    expect(layers.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'namespaces inactive',
      'view inactive',
      'privileges active',
      'landlock active',
    ]);
    expect(layers[3]?.detail).toContain('no sockets but unix ones, by a filter');
  });
});

describe('what Landlock alone cannot do is refused, naming it', () => {
  let work: string;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'boxlite-landlock-refusals-'));
    await mkdir(join(work, 'volume', 'control'), { recursive: true });
    await writeFile(join(work, 'volume', 'key'), '');
    await symlink(join(work, 'volume'), join(work, 'alias'));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const setup = (parts: Partial<SandboxContext>, host = machine(7)) =>
    createLandlockSandboxOn(host).setup({ ...context, ...parts });
  const at = (name: string, writable = true) => ({ path: join(work, name), writable });

  it.each<[string, () => Partial<SandboxContext>]>([
    ['sandboxProfile', () => ({ sandboxProfile: '/x.sb' })],
    ['maskedPaths', () => ({ paths: [at('volume')], maskedPaths: [join(work, 'volume/control/')] })],
    ['maskedPaths', () => ({ paths: [at('volume', false)], maskedPaths: [join(work, 'volume/key')] })],
    ['maskedPaths', () => ({ paths: [at('alias')], maskedPaths: [join(work, 'volume/key')] })],
    ['maskedPaths', () => ({ paths: [{ path: '/', writable: false }], maskedPaths: [join(work, 'volume/')] })],
    ['paths', () => ({ paths: [at('volume'), at('volume/key', false)] })],
    ['paths', () => ({ paths: [at('alias'), at('volume/key', false)] })],
    ['symlinks', () => ({ symlinks: [{ path: join(work, 'none'), target: '/x' }] })],
    ['symlinks', () => ({ symlinks: [{ path: join(work, 'alias'), target: '/x' }] })],
    ['runAs', () => ({ runAs: { uid: 1, gid: 1000 } })],
  ])('%s', async (field, parts) => {
    await expect(setup(parts())).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      hint: expect.any(String),
      details: { field },
    });
    // Inside a view these are matters of whoever built it.
    if (field !== 'sandboxProfile') await setup({ ...parts(), insideView: true });
  });

  it('and everything else is taken: masks beside the grants, links that are there, ids one has', async () => {
    await setup({
      paths: [at('volume/control')],
      maskedPaths: [`${work}/`, join(work, 'volume/key'), '/not/there/'],
      symlinks: [{ path: join(work, 'alias'), target: join(work, 'volume') }],
      runAs: { uid: 1000, gid: 1000 },
    });
    await setup({ runAs: { uid: 1, gid: 1 } }, machine(7, { ids: () => ({ uid: 0, gid: 0 }) }));
  });

  it('a path that is granted and masked is no grant', async () => {
    const parts = { paths: [at('volume/key', false)], maskedPaths: [join(work, 'volume/key')] };
    await setup(parts);
    const sandbox = createLandlockSandboxOn(machine(7));
    const { dataFds } = sandbox.apply({ ...context, ...parts }, { binary: '/x', args: [], env: {} });
    expect(Buffer.from(dataFds?.[0]?.data ?? []).toString()).not.toContain('key');
  });

  it('what becomes executable although it may be written is told', async () => {
    const { degradations } = await setup({ paths: [{ path: '/', writable: false }, at('volume')] });
    expect(degradations).toEqual([
      `what is written below ${join(work, 'volume')} may be executed, for so may everything below /`,
    ]);
  });

  it('options that make no sense', () => {
    const refused = expect.objectContaining({ code: 'invalid_argument' });
    expect(() => createLandlockSandbox({ minimumVersion: 0 })).toThrowError(refused);
    expect(() => createLandlockSandbox({ helperPath: 'helper' })).toThrowError(refused);
    const bad = { ...context, paths: [{ path: '/a\0w/', writable: false }] };
    expect(() => createLandlockSandbox().apply(bad, { binary: '/x', args: [], env: {} })).toThrowError(refused);
  });
});

describe('the command Landlock makes', () => {
  const argsOf = (parts: Partial<SandboxContext>, host = machine(7), options = {}) =>
    createLandlockSandboxOn(host, options).apply(
      { ...context, ...parts },
      { binary: '/x', args: ['-a'], env: { A: 'b' } },
    );

  it('alone gives up capabilities, ids and sockets, and has temporary files where they belong', () => {
    const root = machine(7, { ids: () => ({ uid: 0, gid: 0 }) });
    const { args, env, binary } = argsOf({ runAs: { uid: 7, gid: 8 }, temporaryDirectory: '/t' }, root, {
      audit: true,
    });
    expect(binary).toBe('/opt/boxlite-landlock');
    expect(args.join(' ')).toBe(
      '--rules 6 --no-tcp --audit --drop-capabilities --gid 8 --uid 7 --unix-sockets-only -- /x -a',
    );
    expect(env).toEqual({ TMPDIR: '/t', TMP: '/t', TEMP: '/t', A: 'b' });
    expect(argsOf({ networkEnabled: true, runAs: { uid: 1000, gid: 1000 } }).args.join(' ')).toBe(
      '--rules 6 --drop-capabilities -- /x -a',
    );
  });

  it('inside a view repeats its grants and nothing else', () => {
    const { args, env, dataFds } = argsOf({
      insideView: true,
      paths: [
        { path: '/a', writable: true, identity: { device: '1', inode: '2' } },
        { path: '/b', writable: false },
        { path: '/c', writable: false, executable: false },
      ],
      devices: ['/dev/kvm'],
    });
    expect(args.join(' ')).toBe('--rules 6 --no-tcp --unix-sockets-only -- /x -a');
    expect(env).toEqual({ A: 'b' });
    expect(
      Buffer.from(dataFds?.[0]?.data ?? [])
        .toString()
        .split('\0'),
    ).toEqual([
      'w/a',
      'x/b',
      'r/c',
      'w/tmp',
      'd/dev/null',
      'd/dev/zero',
      'd/dev/random',
      'd/dev/urandom',
      'd/dev/kvm',
      '',
    ]);
  });
});
