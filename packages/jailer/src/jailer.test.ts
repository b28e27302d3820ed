import type { JailCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { describe, expect, it, vi } from 'vitest';
import type { CgroupController } from './cgroup/cgroup-controller.js';
import { seccompRefusal as refusalOfKernel } from './jail-refusals.js';
import { createJailer } from './jailer.js';
import type { JailerOptions } from './jailer-options.js';

const command: JailCommand = { binary: '/not/there/yet', args: ['-x'], env: { A: 'b' } };

function fakeSandbox(parts: Partial<Sandbox> = {}): Sandbox & { contexts: SandboxContext[] } {
  const contexts: SandboxContext[] = [];
  return {
    contexts,
    name: 'fake',
    isAvailable: async () => ({ available: true }),
    setup: async (context) => {
      contexts.push(context);
      return { degradations: ['fake is weak'] };
    },
    apply: (_context, inner) => ({
      ...inner,
      binary: '/fake',
      args: [inner.binary, ...inner.args],
      pidReport: { kind: 'self' },
    }),
    ...parts,
  };
}

/** A controller as on a host that has everything, or nothing. */
const cgroups = (works: boolean): CgroupController & { release: ReturnType<typeof vi.fn> } => ({
  prepare: async () =>
    works
      ? { cgroupDir: '/cg/boxlite/b', enforced: { memory: true, processes: true }, degradations: [] }
      : { enforced: { memory: false, processes: false }, degradations: ['no cgroup here'] },
  release: vi.fn(async () => undefined),
});

function jailOf(parts: Partial<JailerOptions> = {}) {
  return createJailer({
    id: 'b',
    sandbox: fakeSandbox(),
    paths: [],
    stageB: '/bin/true',
    cgroups: cgroups(true),
    ...parts,
  });
}

describe('a jail', () => {
  it('wraps the command in stage B, and that in the sandbox', () => {
    const confined = jailOf({ security: { networkEnabled: false } }).command(command);
    expect(confined.binary).toBe('/fake');
    expect(confined.args).toEqual(
      ['/bin/true', '--gid', '65534', '--uid', '65534', '--seccomp', '5'].concat([
        '--unset',
        'PWD',
        '--keep-from',
        '10',
        '--',
        '/not/there/yet',
        '-x',
      ]),
    );
    expect(confined.env).toEqual({ A: 'b' });
    expect(confined.dataFds?.map(({ fd }) => fd)).toEqual([5]);
  });

  it('command() never refuses, also for a binary that does not exist yet and before prepare', () => {
    expect(() => jailOf({ stageB: '/not/there' }).command(command)).not.toThrow();
  });

  it('shows the sandbox the granted paths and the helper, sorted', async () => {
    const sandbox = fakeSandbox();
    await jailOf({
      sandbox,
      paths: [
        { path: '/a', writable: true },
        { path: '/z', writable: false },
      ],
    }).prepare();
    expect(sandbox.contexts[0]?.paths.map(({ path }) => path)).toEqual(['/a', '/bin/true', '/z']);
  });

  it('refuses in prepare() when it is wanted and unavailable, with reason and remedy', async () => {
    const sandbox = fakeSandbox({
      isAvailable: async () => ({ available: false, reason: 'no bwrap', remedy: 'install it' }),
    });
    await expect(jailOf({ sandbox }).prepare()).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: 'the sandbox fake cannot confine box b: no bwrap',
      hint: 'install it',
    });
  });

  it('refuses in prepare() on a kernel without filters, with the remedy; best effort goes on without', async () => {
    const seccompRefusal = () => refusalOfKernel(() => undefined);
    await expect(jailOf({ seccompRefusal }).prepare()).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      hint: expect.stringContaining('CONFIG_SECCOMP_FILTER'),
      details: { field: 'seccomp' },
    });
    expect(await jailOf({ seccompRefusal, security: { seccomp: 'off' } }).prepare()).not.toContain('filter');
    const jail = jailOf({ seccompRefusal, security: { jailer: 'best-effort' } });
    expect((await jail.prepare())[0]).toContain('cannot filter system calls');
    expect(jail.command(command).args).not.toContain('--seccomp');
    expect(jail.layers?.find(({ name }) => name === 'seccomp')?.state).toBe('inactive');
  });

  it('takes the word of the kernel for its filters', () => {
    const actions = 'kill_process kill_thread trap errno user_notif trace log allow\n';
    const kernel = (files: Readonly<Record<string, string>>) => refusalOfKernel((file) => files[file]);
    expect(kernel({ '/proc/sys/kernel/seccomp/actions_avail': actions })).toBeUndefined();
    expect(kernel({ '/proc/self/status': 'Seccomp:\t2\n' })).toBeUndefined();
    expect(kernel({ '/proc/sys/kernel/seccomp/actions_avail': 'trap errno allow\n' })?.message).toContain(
      'kill_process',
    );
    expect(kernel({})?.message).toContain('kill_process and no errno');
  });

  it('refuses in prepare() when the stage B helper is not built', async () => {
    await expect(jailOf({ stageB: '/not/there' }).prepare()).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      details: { field: 'stageB', path: '/not/there' },
    });
  });

  it('goes on without a sandbox only when best effort was asked for, says what is missing, and keeps all the rest', async () => {
    const sandbox = fakeSandbox({
      isAvailable: async () => ({ available: false, reason: 'no bwrap', remedy: 'get it' }),
    });
    const jail = jailOf({ sandbox, security: { jailer: 'best-effort' } });
    const warnings = await jail.prepare();
    expect(warnings[0]).toMatch(/UNCONFINED by any sandbox.*no bwrap; get it/);
    expect(jail.name).toBe('none');
    const { binary, args, cgroupDir, rlimits } = jail.command(command);
    expect({ binary, cgroupDir }).toEqual({ binary: '/bin/true', cgroupDir: '/cg/boxlite/b' });
    expect(args).toContain('--seccomp');
    // The files it opens are the host's own, which another user could not.
    expect(args).not.toContain('--uid');
    expect(rlimits).toEqual({ maxOpenFiles: 1024, maxFileSize: 1024 ** 3 });
    const states = Object.fromEntries((jail.layers ?? []).map(({ name, state }) => [name, state]));
    expect(states).toMatchObject({ namespaces: 'inactive', view: 'inactive', privileges: 'partial', cgroup: 'active' });
  });

  it('goes on without its helper when best effort was asked for, still in the sandbox', async () => {
    const jail = jailOf({ stageB: '/not/there', security: { jailer: 'best-effort' } });
    expect((await jail.prepare())[0]).toMatch(/less confined.*stage B helper \/not\/there/);
    expect(jail.command(command)).toMatchObject({ binary: '/fake', args: ['/not/there/yet', '-x'] });
  });

  it('that is off does nothing in prepare() and leaves the command bare', async () => {
    const sandbox = fakeSandbox({ isAvailable: () => Promise.reject(new Error('asked')) });
    for (const security of [{ jailerEnabled: false }, { jailer: 'off' }] as const) {
      const jail = jailOf({ sandbox, security });
      expect(await jail.prepare()).toEqual([]);
      expect(jail.command(command)).toEqual({ ...command, pidReport: { kind: 'self' } });
      expect([jail.name, jail.layers]).toEqual(['none', []]);
    }
  });

  it('passes degradations of sandbox and cgroup on, and carries on', async () => {
    expect(await jailOf({ cgroups: cgroups(false) }).prepare()).toEqual(['fake is weak', 'no cgroup here']);
  });

  it('joins the cgroup, which then holds memory and processes; the rest are rlimits', async () => {
    const jail = jailOf({ security: { maxMemory: 1e9, maxCpuTime: 9 } });
    await jail.prepare();
    const { cgroupDir, rlimits } = jail.command(command);
    expect(cgroupDir).toBe('/cg/boxlite/b');
    expect(rlimits).toEqual({ maxOpenFiles: 1024, maxFileSize: 1024 ** 3, maxCpuTime: 9 });
  });

  it('limits the address space where no cgroup holds the memory, far wider than the memory, and says so', async () => {
    const jail = jailOf({ cgroups: cgroups(false), security: { maxMemory: 1e9, maxProcesses: 64 } });
    await jail.prepare();
    expect(jail.layers?.find(({ name }) => name === 'rlimits')?.detail).toContain('of address space');
    expect(jail.command(command).rlimits).toMatchObject({ maxMemory: 1e9 + 3 * 1024 ** 3 });
  });

  it('never limits processes by the process itself: that would count those of all boxes of a user', async () => {
    const jail = jailOf({ cgroups: cgroups(false), security: { maxProcesses: 5 } });
    await jail.prepare();
    expect(Object.keys(jail.command(command).rlimits ?? {})).toEqual(['maxOpenFiles', 'maxFileSize']);
  });

  it('tells each layer as prepare() found it, and none before', async () => {
    const jail = jailOf({
      security: { maxMemory: 2 ** 30, cpuQuota: 1.5 },
      sandbox: fakeSandbox({
        setup: async () => ({
          degradations: [],
          layers: [
            { name: 'view', state: 'active', detail: 'four\npaths' },
            { name: 'privileges', state: 'partial', detail: 'root' },
          ],
        }),
      }),
    });
    expect(jail.layers).toEqual([]);
    await jail.prepare();
    expect(jail.layers?.map(({ name }) => name)).toEqual([
      ...['descriptors', 'rlimits', 'cgroup', 'namespaces', 'view', 'privileges', 'landlock', 'seccomp'],
    ]);
    const layer = Object.fromEntries((jail.layers ?? []).map(({ name, ...rest }) => [name, rest]));
    expect(layer.view).toEqual({ state: 'active', detail: 'four paths' });
    expect(layer.privileges).toEqual({ state: 'partial', detail: 'root' });
    expect(layer.namespaces).toEqual({ state: 'inactive', detail: 'nothing here provides it' });
    expect(layer.cgroup).toEqual({
      state: 'active',
      detail: '1 GiB of memory, no swap, 1024 processes; ended as a whole',
    });
  });

  it('leaves the filter out when seccomp is off', () => {
    const confined = jailOf({ security: { seccomp: 'off' } }).command(command);
    expect(confined.args).not.toContain('--seccomp');
    expect(confined.dataFds?.map(({ fd }) => fd)).toEqual([]);
  });

  it('removes the cgroup and what the sandbox made on release', async () => {
    const teardown = vi.fn(async () => undefined);
    const controller = cgroups(true);
    await jailOf({ sandbox: fakeSandbox({ teardown }), cgroups: controller }).release();
    expect(controller.release).toHaveBeenCalledWith('b', undefined);
    expect(teardown).toHaveBeenCalledOnce();
  });

  it('refuses a NUL, which would end one record of its data and begin another', () => {
    for (const bad of [{ binary: '/a\0b' }, { args: ['\0'] }, { env: { A: '\0' } }, { env: { 'A\0': '' } }]) {
      expect(() => jailOf().command({ ...command, ...bad })).toThrowError(
        expect.objectContaining({ code: 'invalid_argument' }),
      );
    }
  });
});

describe('the inputs of a jail are checked', () => {
  const grant = (path: string) => ({ paths: [{ path, writable: true }] });
  it.each<[string, Partial<JailerOptions>]>([
    ['id', { id: '' }],
    ['id', { id: '../x' }],
    ['sandbox', { sandbox: {} as Sandbox }],
    ['paths[0].path', grant('relative')],
    ['paths[0].path', grant('/a/../b')],
    ['paths[0].path', grant('/a//b')],
    ['paths[0].path', grant('/a/')],
    ['paths[0].path', grant('/')],
    ['paths[0].path', grant('/a\0b')],
    ['paths[0].writable', { paths: [{ path: '/a' } as { path: string; writable: boolean }] }],
    ['maskedPaths[1]', { maskedPaths: ['/a/', '/b/./'] }],
    ['symlinks[0].target', { symlinks: [{ path: '/tmp/x', target: 'y' }] }],
    ['devices[0]', { devices: ['/etc/passwd'] }],
    ['devices[0]', { devices: ['/dev/../etc/passwd'] }],
    ['stageB', { stageB: 'stage-b' }],
    ['maxOpenFiles', { security: { maxOpenFiles: -1 } }],
  ])('%s', (field, parts) => {
    expect(() => jailOf(parts)).toThrowError(expect.objectContaining({ code: 'invalid_argument', details: { field } }));
  });
});
