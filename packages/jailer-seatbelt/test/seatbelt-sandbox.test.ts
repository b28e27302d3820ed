import { chmod, lstat, mkdir, mkdtemp, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BoxliteError, type SandboxContext } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSeatbeltSandbox, runConfined, type SeatbeltSandboxOptions } from '../src/index.js';
import { accessUnder } from './sbpl/access-under.js';
import { sbplProfile } from './sbpl/evaluate-sbpl.js';

const FAKE = fileURLToPath(new URL('./fake-sandbox-exec.sh', import.meta.url));
const HERE = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'seatbelt-')));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const onMac = (options: SeatbeltSandboxOptions = {}) =>
  createSeatbeltSandbox({ platform: 'darwin', sandboxExecPath: FAKE, ...options });

const contextOf = (parts: Partial<SandboxContext> = {}): SandboxContext => ({
  id: 'box',
  paths: [],
  resourceLimits: {},
  networkEnabled: false,
  ...parts,
});

/** The text of the profile a command is to be confined by. */
function profileOf(sandbox: ReturnType<typeof onMac>, context: SandboxContext, binary = '/bin/cat'): string {
  const { dataFds = [] } = sandbox.apply(context, { binary, args: [], env: {} });
  return new TextDecoder().decode(dataFds[0]?.data);
}

describe('a command under seatbelt', () => {
  it('is started by sandbox-exec with its profile on a descriptor, and nothing of the host on the command line', () => {
    const confined = createSeatbeltSandbox().apply(contextOf({ paths: [{ path: '/secret/place', writable: true }] }), {
      binary: '/bin/cat',
      args: ['-', '--x'],
      env: { A: 'b' },
    });
    expect(confined).toMatchObject({
      binary: '/usr/bin/sandbox-exec',
      args: ['-f', '/dev/fd/8', '/bin/cat', '-', '--x'],
      env: { A: 'b' },
      pidReport: { kind: 'self' },
    });
    expect(confined.dataFds?.map(({ fd }) => fd)).toEqual([8]);
    expect(new TextDecoder().decode(confined.dataFds?.[0]?.data)).toContain('"/secret/place"');
  });

  it('puts its temporary files where the box has its own: TMPDIR, TMP and TEMP', () => {
    const context = contextOf({ temporaryDirectory: '/b/tmp' });
    const { env } = onMac().apply(context, { binary: '/x', args: [], env: { TMPDIR: '/var/folders/x', LANG: 'C' } });
    expect(env).toEqual({ LANG: 'C', TMPDIR: '/b/tmp', TMP: '/b/tmp', TEMP: '/b/tmp' });
  });

  it('has the limits of one process; those of all processes of a user are never set', () => {
    const context = contextOf({
      resourceLimits: { maxOpenFiles: 9, maxFileSize: 8, maxProcesses: 7, maxMemory: 6, maxCpuTime: 5 },
    });
    const { rlimits } = onMac().apply(context, { binary: '/x', args: [], env: {} });
    expect(rlimits).toEqual({ maxOpenFiles: 9, maxFileSize: 8, maxMemory: 6, maxCpuTime: 5 });
    expect(onMac().apply(contextOf(), { binary: '/x', args: [], env: {} }).rlimits).toBeUndefined();
  });

  it('can be a link to a program: both names are of the program', async () => {
    await writeFile(join(directory, 'python3.12'), '');
    await symlink('python3.12', join(directory, 'python3'));
    const profile = sbplProfile(profileOf(onMac(), contextOf(), join(directory, 'python3')));
    for (const name of ['python3', 'python3.12']) {
      expect(accessUnder(profile, join(directory, name))).toMatchObject({ read: true, execute: true, write: false });
    }
    const writable = contextOf({ paths: [{ path: directory, writable: true }] });
    const own = sbplProfile(profileOf(onMac(), writable, join(directory, 'python3')));
    expect(accessUnder(own, join(directory, 'python3'))).toMatchObject({ execute: true, write: false });
    expect(accessUnder(own, join(directory, 'python3.12'))).toMatchObject({ execute: false, write: true });
  });

  it('uses a profile that was given instead of the generated one', async () => {
    const file = join(directory, 'own.sb');
    await writeFile(file, '(version 1)(allow default)', { mode: 0o600 });
    const context = contextOf({ sandboxProfile: file });
    const sandbox = onMac();
    await sandbox.setup(context);
    const { args, dataFds } = sandbox.apply(context, { binary: '/bin/cat', args: [], env: {} });
    expect([args, dataFds]).toEqual([['-f', file, '/bin/cat'], undefined]);
  });

  it('runs to its end by runConfined, with the profile of its own directory', async () => {
    const outcome = await runConfined(onMac(), {
      command: ['/bin/sh', '-c', 'echo "$0 $A"', 'ran'],
      env: { A: 'b' },
      writable: [directory],
    });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ran b\n', stderr: '' });
    expect(outcome.layers.find(({ name }) => name === 'seatbelt')?.state).toBe('active');
  });
});

describe('whether seatbelt is available', () => {
  it('is said by running a command as a box’s would run', async () => {
    expect(await onMac().isAvailable()).toEqual({ available: true });
  });

  it('is denied on Linux, with what to use instead', async () => {
    const answer = await createSeatbeltSandbox({ platform: 'linux' }).isAvailable();
    expect(answer).toEqual({
      available: false,
      reason: 'seatbelt is a part of macOS, and this is linux',
      remedy: 'on Linux use the bubblewrap sandbox',
    });
    await expect(createSeatbeltSandbox({ platform: 'linux' }).setup(contextOf())).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      hint: 'on Linux use the bubblewrap sandbox',
    });
  });

  it.each(['missing', 'not executable'])('is denied where sandbox-exec is %s', async (state) => {
    const sandboxExecPath = join(directory, 'sandbox-exec');
    if (state !== 'missing') await writeFile(sandboxExecPath, '', { mode: 0o644 });
    expect(await onMac({ sandboxExecPath }).isAvailable()).toEqual({
      available: false,
      reason: `${sandboxExecPath} is not there, or cannot be executed`,
      remedy: expect.stringContaining('a part of macOS'),
    });
  });

  it.each([
    ['another sandbox is around it', 'sandbox_apply: Operation not permitted', /outside any other sandbox/],
    ['it does not know an operation', 'unbound variable: file-link', /version of macOS/],
  ])('is denied where %s, with what sandbox-exec said on one line', async (_, said, remedy) => {
    const sandboxExecPath = join(directory, 'sandbox-exec');
    await writeFile(sandboxExecPath, `#!/bin/sh\nprintf 'sandbox-exec:\\n\\033[31m%s\\n' '${said}' >&2\nexit 65\n`);
    await chmod(sandboxExecPath, 0o755);
    const answer = await onMac({ sandboxExecPath }).isAvailable();
    expect(answer.reason).toBe(`${sandboxExecPath} could not confine a command (65): sandbox-exec: [31m${said}`);
    expect(answer.remedy).toMatch(remedy);
  });
});

describe('setup refuses with sandbox_unavailable, naming the field,', () => {
  const refused = async (parts: Partial<SandboxContext>, field: string, said: RegExp) => {
    const thrown = await onMac()
      .setup(contextOf(parts))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(BoxliteError.isInstance(thrown, 'sandbox_unavailable'), String(thrown)).toBe(true);
    expect((thrown as BoxliteError).message).toMatch(said);
    expect((thrown as BoxliteError).hint).toBeTruthy();
    expect((thrown as BoxliteError).details).toMatchObject({ field });
  };

  it.each([
    ['ids that are not the caller’s', { runAs: { uid: HERE.uid + 1, gid: HERE.gid } }, 'runAs', /stays who started it/],
    ['a group that is not the caller’s', { runAs: { uid: HERE.uid, gid: HERE.gid + 1 } }, 'runAs', /group/],
    ['a NUL', { paths: [{ path: '/a\0b', writable: false }] }, 'paths[0].path', /NUL/],
    ['half of a character', { maskedPaths: ['/ok/', '/a\ud800'] }, 'maskedPaths[1]', /half a character/],
    ['a path longer than any', { devices: [`/dev/${'x'.repeat(1024)}`] }, 'devices[0]', /1023 bytes/],
    ['a relative path', { paths: [{ path: 'a', writable: false }] }, 'paths[0].path', /absolute/],
    ['dots in a path', { paths: [{ path: '/tmp/../etc', writable: false }] }, 'paths[0].path', /absolute/],
    ['the root', { paths: [{ path: '/', writable: false }] }, 'paths[0].path', /whole host/],
    [
      'the second name of the root',
      { paths: [{ path: '/System/Volumes/Data', writable: true }] },
      'paths[0].path',
      /whole host/,
    ],
    ['a link without a target', { symlinks: [{ path: '/tmp/x', target: 'y' }] }, 'symlinks[0].target', /absolute/],
    ['a user namespace', { userNamespace: { fd: 9, inner: 9 } }, 'userNamespace', /no user namespaces/],
    ['a tree of mounts', { viewTree: { fd: 9 } }, 'viewTree', /no mount namespaces/],
    ['a temporary directory that is no path', { temporaryDirectory: 'tmp' }, 'temporaryDirectory', /absolute/],
    ['a profile that is not there', { sandboxProfile: '/nonexistent.sb' }, 'sandboxProfile', /ENOENT/],
    ['a profile that is a directory', { sandboxProfile: '/usr' }, 'sandboxProfile', /not a file/],
    ['a profile without its whole path', { sandboxProfile: 'own.sb' }, 'sandboxProfile', /absolute/],
  ] as const)('%s', (_, parts, field, said) => refused(parts, field, said));

  it('a profile others can write', async () => {
    const file = join(directory, 'own.sb');
    await writeFile(file, '(version 1)');
    await chmod(file, 0o666);
    await refused({ sandboxProfile: file }, 'sandboxProfile', /others can write/);
  });

  it('a profile the command itself can write', async () => {
    const file = join(directory, 'own.sb');
    await writeFile(file, '(version 1)', { mode: 0o600 });
    await refused(
      { sandboxProfile: file, paths: [{ path: directory, writable: true }] },
      'sandboxProfile',
      /could change/,
    );
  });

  it('a granted path that goes through a link the command could turn elsewhere', async () => {
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await symlink('/etc', join(shared, 'link'));
    const paths = [
      { path: shared, writable: true },
      { path: join(shared, 'link', 'apt'), writable: false },
    ];
    await refused({ paths }, 'paths[1].path', /shared\/link, which the command could turn/);
  });

  it('a file that is another one than was meant, or gone', async () => {
    const path = join(directory, 'disk');
    await writeFile(path, '');
    const { dev, ino } = await lstat(path, { bigint: true });
    const identity = { device: String(dev), inode: String(ino) };
    await expect(onMac().setup(contextOf({ paths: [{ path, writable: true, identity }] }))).resolves.toBeDefined();
    const other = { ...identity, inode: '1' };
    await refused({ paths: [{ path, writable: true, identity: other }] }, 'paths[0].path', /identity: .*another file/);
    await rm(path);
    await refused({ paths: [{ path, writable: true, identity }] }, 'paths[0].path', /identity: .*gone/);
  });

  it('something else in the place of a link it is to make', async () => {
    const link = join(directory, 'link');
    await writeFile(link, '');
    await refused({ symlinks: [{ path: link, target: '/srv' }] }, 'symlinks[0].path', /something else/);
  });
});

describe('setup takes', () => {
  it('the caller’s own ids', async () => {
    await expect(onMac().setup(contextOf({ runAs: HERE }))).resolves.toBeDefined();
  });

  it('a context that asks for more than macOS has, and says so', async () => {
    const { degradations } = await onMac().setup(contextOf({ resourceLimits: { maxProcesses: 5, cpuQuota: 1 } }));
    expect(degradations).toHaveLength(2);
    expect(degradations.join('\n')).toMatch(/no namespaces.*no control groups.*maxProcesses, cpuQuota/s);
    expect((await onMac().setup(contextOf())).degradations).toHaveLength(1);
  });

  it('and tells the layers: seatbelt, and which macOS has nothing for', async () => {
    const { layers = [] } = await onMac().setup(contextOf());
    expect(Object.fromEntries(layers.map(({ name, state }) => [name, state]))).toEqual({
      cgroup: 'inactive',
      namespaces: 'inactive',
      view: 'inactive',
      privileges: 'inactive',
      landlock: 'inactive',
      seccomp: 'inactive',
      seatbelt: 'active',
    });
    for (const { detail } of layers) expect(detail).toMatch(/^[^\p{Cc}]+$/u);
  });

  it('a path that goes through links, and grants and hides what it leads to', async () => {
    await mkdir(join(directory, 'real', 'secret'), { recursive: true });
    await symlink('real', join(directory, 'link'));
    const context = contextOf({
      paths: [{ path: join(directory, 'link'), writable: true }],
      maskedPaths: [`${join(directory, 'link', 'secret')}/`, join(directory, 'link', 'not', 'yet')],
    });
    const sandbox = onMac();
    await sandbox.setup(context);
    const profile = sbplProfile(profileOf(sandbox, context));
    expect(accessUnder(profile, join(directory, 'real', 'x')).write).toBe(true);
    expect(accessUnder(profile, join(directory, 'real', 'secret', 'x')).read).toBe(false);
    expect(accessUnder(profile, join(directory, 'real', 'not', 'yet')).write).toBe(false);
    expect(accessUnder(profile, join(directory, 'other')).read).toBe(false);
  });

  it('no link the command could have made: it leads nowhere, whoever asks for a profile', async () => {
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await symlink('/etc', join(shared, 'link'));
    const context = contextOf({
      paths: [
        { path: shared, writable: true },
        { path: join(shared, 'link', 'apt'), writable: true },
      ],
      maskedPaths: [`${join(shared, 'link')}/`],
    });
    const profile = sbplProfile(profileOf(onMac(), context));
    expect(accessUnder(profile, '/etc/apt/x')).toMatchObject({ read: false, write: false });
    expect(accessUnder(profile, '/private/etc/apt/x')).toMatchObject({ read: false, write: false });
  });

  it('paths that do not exist: the profile holds them as they are', async () => {
    const missing = join(directory, 'missing', 'deeper');
    const context = contextOf({ paths: [{ path: missing, writable: true }] });
    const sandbox = onMac();
    await sandbox.setup(context);
    const profile = sbplProfile(profileOf(sandbox, context));
    expect(accessUnder(profile, join(missing, 'x')).write).toBe(true);
    expect(profile.allows({ operation: 'file-write-create', path: missing })).toBe(false);
  });
});

describe('the links of a context', () => {
  it('are made by setup and removed by teardown, which may be called twice', async () => {
    const link = join(directory, 'bl-501', 'box');
    const context = contextOf({ symlinks: [{ path: link, target: '/b/sockets' }] });
    const sandbox = onMac();
    await sandbox.setup(context);
    expect(await readlink(link)).toBe('/b/sockets');
    expect((await lstat(join(directory, 'bl-501'))).mode & 0o777).toBe(0o700);
    await sandbox.teardown?.(context);
    await expect(lstat(link)).rejects.toMatchObject({ code: 'ENOENT' });
    await sandbox.teardown?.(context);
  });

  it('made for one context are removed by another that is the same, as a jail makes them', async () => {
    const context = contextOf({ symlinks: [{ path: join(directory, 'box'), target: '/b/sockets' }] });
    const sandbox = onMac();
    await sandbox.setup(structuredClone(context));
    await sandbox.setup(structuredClone(context));
    await sandbox.teardown?.(context);
    await expect(lstat(join(directory, 'box'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('that were there already, as the host’s own are, stay', async () => {
    const link = join(directory, 'box');
    await symlink('/b/sockets', link);
    const context = contextOf({ symlinks: [{ path: link, target: '/b/sockets' }] });
    const sandbox = onMac();
    await sandbox.setup(context);
    await sandbox.teardown?.(context);
    expect(await readlink(link)).toBe('/b/sockets');
  });

  it('are all gone when one of them cannot be made', async () => {
    const link = join(directory, 'one');
    await writeFile(join(directory, 'two'), '');
    const symlinks = [
      { path: link, target: '/a' },
      { path: join(directory, 'two'), target: '/b' },
    ];
    await expect(onMac().setup(contextOf({ symlinks }))).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await expect(lstat(link)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('that lead elsewhere by the time of teardown are not touched', async () => {
    const link = join(directory, 'box');
    const context = contextOf({ symlinks: [{ path: link, target: '/b/sockets' }] });
    const sandbox = onMac();
    await sandbox.setup(context);
    await rm(link);
    await symlink('/other', link);
    await sandbox.teardown?.(context);
    expect(await readlink(link)).toBe('/other');
  });
});

describe('the options', () => {
  it.each([
    ['sandboxExecPath', { sandboxExecPath: 'sandbox-exec' }],
    ['machServices[1]', { machServices: ['com.apple.logd', 'x")(allow default'] }],
    ['machServices[0]', { machServices: [''] }],
  ])('%s is checked before anything is done', (field, options) => {
    expect(() => createSeatbeltSandbox(options)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field } }),
    );
  });

  it('machServices opens those services and no other', () => {
    const sandbox = onMac({ machServices: ['com.apple.system.opendirectoryd.libinfo'] });
    const profile = sbplProfile(profileOf(sandbox, contextOf()));
    const lookup = (name: string) => profile.allows({ operation: 'mach-lookup', name });
    expect([lookup('com.apple.system.opendirectoryd.libinfo'), lookup('com.apple.logd')]).toEqual([true, false]);
    expect(
      sbplProfile(profileOf(onMac(), contextOf())).allows({ operation: 'mach-lookup', name: 'com.apple.logd' }),
    ).toBe(false);
  });
});
