import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PluginRegistry, type SandboxContext } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bwrapSandboxPlugin, createBwrapSandbox, diagnoseUserNamespaces, findBwrap } from '../src/index.js';

const run = promisify(execFile);

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'boxlite-bwrap-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** A program in place of bubblewrap. */
async function fake(name: string, script: string): Promise<string> {
  const path = join(work, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const context: SandboxContext = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };

describe('the bubblewrap sandbox is available', () => {
  it('where bwrap builds a view', async () => {
    expect(await createBwrapSandbox().isAvailable()).toEqual({ available: true });
  });

  it('not without bwrap, and says how to get it', async () => {
    const answer = await createBwrapSandbox({ searchPath: work }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('not installed') });
    expect(answer.remedy).toContain('apt install bubblewrap');
  });

  it('not with a path that cannot be executed', async () => {
    const answer = await createBwrapSandbox({ bwrapPath: join(work, 'none') }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('cannot be executed') });
  });

  it('not where the view cannot be built, with what bwrap said', async () => {
    const broken = await fake('broken', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1');
    const answer = await createBwrapSandbox({ bwrapPath: broken }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('No permissions') });
    expect(answer.remedy).toBeTruthy();
  });

  it('with a degradation where bwrap is too old to forbid further user namespaces', async () => {
    const old = await fake('old', 'for a; do [ "$a" = --disable-userns ] && exit 1; done; exit 0');
    const sandbox = createBwrapSandbox({ bwrapPath: old });
    expect(await sandbox.isAvailable()).toEqual({ available: true });
    expect((await sandbox.setup(context)).degradations.join()).toContain('user namespaces');
    const { dataFds } = sandbox.apply(context, { binary: '/x', args: [], env: {} });
    expect(Buffer.from(dataFds?.[0]?.data ?? []).toString()).not.toContain('--disable-userns');
  });

  it('and a failed look is not remembered: a remedy works without a restart', async () => {
    const later = join(work, 'later');
    const sandbox = createBwrapSandbox({ bwrapPath: later });
    expect((await sandbox.isAvailable()).available).toBe(false);
    await fake('later', 'exit 0');
    expect((await sandbox.isAvailable()).available).toBe(true);
  });
});

describe('why no view can be built', () => {
  /** A kernel with these settings, on which everything else is as usual. */
  const kernelWith = (files: Readonly<Record<string, string | undefined>>) => async (asked: string) =>
    asked in files ? files[asked] : asked === '/proc/self/uid_map' ? '0 0 4294967295\n' : undefined;
  const proc = (name: string) => `/proc/sys/${name.replace('.', '/')}`;
  const ordinary = { stderr: 'bwrap: setting up uid map: Permission denied', bwrap: '/usr/bin/bwrap', uid: 1000 };

  it.each([
    [
      'kernel.apparmor_restrict_unprivileged_userns',
      '1\n',
      'AppArmor',
      'doctor --apparmor-profile | sudo tee /etc/apparmor.d/',
    ],
    ['kernel.unprivileged_userns_clone', '0\n', 'switched off', 'sysctl -w kernel.unprivileged_userns_clone=1'],
    ['user.max_user_namespaces', '0\n', 'max_user_namespaces=0', 'sysctl -w user.max_user_namespaces=15000'],
    ['user.max_net_namespaces', '0\n', 'no net namespace', 'sysctl -w user.max_net_namespaces=15000'],
  ])('%s: with the exact remedy, which stays over reboots', async (setting, text, reason, remedy) => {
    const diagnosis = await diagnoseUserNamespaces(ordinary, kernelWith({ [proc(setting)]: text }));
    expect(diagnosis.reason).toContain(reason);
    expect(diagnosis.remedy).toContain(remedy);
    expect(diagnosis.remedy).toMatch(/\/etc\/sysctl\.d\/60-boxlite\.conf|stays over reboots/);
  });

  it('not a setting that is for ordinary users, when root tried', async () => {
    for (const setting of ['kernel.unprivileged_userns_clone', 'kernel.apparmor_restrict_unprivileged_userns']) {
      const text = setting.endsWith('clone') ? '0\n' : '1\n';
      const diagnosis = await diagnoseUserNamespaces({ ...ordinary, uid: 0 }, kernelWith({ [proc(setting)]: text }));
      expect(diagnosis.reason).toContain('Permission denied');
    }
  });

  it('a kernel without user namespaces', async () => {
    const { reason, remedy } = await diagnoseUserNamespaces(ordinary, kernelWith({ '/proc/self/uid_map': undefined }));
    expect(reason).toContain('CONFIG_USER_NS');
    expect(remedy).toContain('boot a kernel');
  });

  it("a container's filter of system calls around this process", async () => {
    const stderr = 'bwrap: No permissions to create new namespace, likely because the kernel does not allow';
    const filtered = kernelWith({ '/proc/self/status': 'Name:\tnode\nSeccomp:\t2\nSeccomp_filters:\t1\n' });
    const { reason, remedy } = await diagnoseUserNamespaces({ ...ordinary, stderr }, filtered);
    expect(reason).toMatch(/filter of system calls.*No permissions/);
    expect(remedy).toMatch(/--security-opt seccomp=unconfined.*procMount/);
  });

  it("a container's hidden parts of /proc", async () => {
    const stderr = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted";
    const { reason, remedy } = await diagnoseUserNamespaces({ ...ordinary, stderr }, kernelWith({}));
    expect(reason).toContain('/proc are hidden');
    expect(remedy).toContain('systempaths=unconfined');
  });

  it('a bubblewrap that is too old, with its version and the one that is needed', async () => {
    const stderr = 'bwrap: Unknown option --size\n';
    const old = { ...ordinary, stderr, version: 'bubblewrap 0.4.1' };
    expect(await diagnoseUserNamespaces(old, kernelWith({}))).toEqual({
      reason: '/usr/bin/bwrap (bubblewrap 0.4.1) is too old: it does not know --size',
      remedy: 'install bubblewrap 0.7.0 or newer',
    });
  });

  it('a set-user-id bubblewrap, but not to root', async () => {
    const setuid = { ...ordinary, setuid: true };
    expect((await diagnoseUserNamespaces(setuid, kernelWith({}))).remedy).toContain('sudo chmod u-s /usr/bin/bwrap');
    expect((await diagnoseUserNamespaces({ ...setuid, uid: 0 }, kernelWith({}))).reason).not.toContain('set-user-id');
  });

  it('nothing known: what bubblewrap said last', async () => {
    const diagnosis = await diagnoseUserNamespaces('first\nbwrap: last words\n', kernelWith({}));
    expect(diagnosis.reason).toContain('bwrap: last words');
  });

  it('found out for real: a bwrap that does not know --size', async () => {
    const script =
      'case "$1" in --version) echo bubblewrap 0.4.1; exit;; esac; echo "bwrap: Unknown option --size" >&2; exit 1';
    const answer = await createBwrapSandbox({ bwrapPath: await fake('ancient', script) }).isAvailable();
    expect(answer).toMatchObject({
      available: false,
      reason: expect.stringMatching(/bubblewrap 0\.4\.1.*too old.*--size/),
    });
  });

  it('found out for real: user.max_user_namespaces=0, set in a user namespace around this package', async () => {
    // The setting is one of each user namespace, and root in one may lower it.
    const program = `
      import { createBwrapSandbox } from ${JSON.stringify(fileURLToPath(new URL('../dist/index.js', import.meta.url)))};
      console.log(JSON.stringify(await createBwrapSandbox().isAvailable()));`;
    const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" --input-type=module -e "$1"';
    const { stdout } = await run('unshare', [
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      script,
      process.execPath,
      program,
    ]);
    expect(JSON.parse(stdout)).toEqual({
      available: false,
      reason: 'no user namespace may be made here (user.max_user_namespaces=0)',
      remedy: expect.stringContaining('sudo sysctl -w user.max_user_namespaces=15000'),
    });
  });
});

describe('the bubblewrap sandbox refuses', () => {
  it.each<[string, Partial<SandboxContext>]>([
    ['sandboxProfile', { sandboxProfile: '/x.sb' }],
    ['symlinks', { symlinks: [{ path: '/run/link', target: '/x' }] }],
    ['paths', { paths: [{ path: '/', writable: false }] }],
    ['paths', { paths: [{ path: '/proc/1', writable: false }] }],
  ])('a context it cannot honour: %s', async (field, parts) => {
    await expect(createBwrapSandbox().setup({ ...context, ...parts })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      details: { field },
    });
  });

  it('a NUL, which would become further options of bubblewrap', () => {
    const sandbox = createBwrapSandbox();
    const command = { binary: '/x', args: [], env: { A: 'x\0--bind\0/\0/' } };
    expect(() => sandbox.apply(context, command)).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('options that make no sense', () => {
    const refused = expect.objectContaining({ code: 'invalid_argument' });
    expect(() => createBwrapSandbox({ bwrapPath: 'bwrap' })).toThrowError(refused);
    expect(() => createBwrapSandbox({ tmpSizeBytes: 0 })).toThrowError(refused);
  });
});

describe('finding bwrap', () => {
  it('passes over relative entries of the search path and what cannot be executed', async () => {
    await fake('bwrap', 'exit 0');
    expect(await findBwrap(`.:relative::${work}`)).toBe(join(work, 'bwrap'));
    await chmod(join(work, 'bwrap'), 0o644);
    expect(await findBwrap(work)).toBeUndefined();
  });
});

describe('the bubblewrap plugin', () => {
  it('registers, probes and gives the sandbox it tried', async () => {
    const registry = new PluginRegistry();
    const plugin = bwrapSandboxPlugin();
    registry.register(plugin);
    expect(await plugin.probe()).toEqual({ available: true });
    expect(plugin.create(undefined).name).toBe('bwrap');
    const absent = await bwrapSandboxPlugin({ searchPath: '/nowhere' }).probe();
    expect(absent).toMatchObject({ available: false, reason: expect.any(String), remedy: expect.any(String) });
  });
});
