import type { JailCommand, SandboxContext } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { bwrapArguments } from './bwrap-arguments.js';

const command: JailCommand = { binary: '/usr/bin/vmm', args: ['--version'], env: { LANG: 'C', ODD: '--bind / /' } };
const context: SandboxContext = {
  id: 'box1',
  paths: [
    { path: '/data', writable: true },
    { path: '/lib/x.so', writable: false },
  ],
  maskedPaths: ['/data/control/', '/data/pid'],
  symlinks: [{ path: '/tmp/bl-1000/box1', target: '/data/sockets' }],
  devices: ['/dev/kvm'],
  resourceLimits: {},
  networkEnabled: false,
};

/** One option and its values a line, as a person would read them. */
const lines = (list: readonly string[]) => {
  const all: string[] = [];
  for (const word of list) all.push(word.startsWith('--') || all.length === 0 ? word : `${all.pop()} ${word}`);
  return all;
};

describe('the arguments of bubblewrap', () => {
  it('unshare everything, start from an empty view and grant one path at a time', () => {
    expect(lines(bwrapArguments(context, { ...command, env: { LANG: 'C' } }))).toMatchInlineSnapshot(`
      [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--unshare-net",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--uid 65534",
        "--gid 65534",
        "--cap-drop ALL",
        "--hostname box",
        "--clearenv",
        "--setenv LANG C",
        "--perms 0700",
        "--size 67108864",
        "--tmpfs /tmp",
        "--perms 0700",
        "--dir /tmp/bl-1000",
        "--symlink /data/sockets /tmp/bl-1000/box1",
        "--bind-try /data /data",
        "--tmpfs /data/control",
        "--ro-bind /dev/null /data/pid",
        "--perms 0755",
        "--dir /dev",
        "--dev-bind-try /dev/kvm /dev/kvm",
        "--dev-bind-try /dev/null /dev/null",
        "--dev-bind-try /dev/random /dev/random",
        "--dev-bind-try /dev/urandom /dev/urandom",
        "--dev-bind-try /dev/zero /dev/zero",
        "--perms 0755",
        "--dir /lib",
        "--ro-bind-try /lib/x.so /lib/x.so",
        "--remount-ro /data/control",
        "--remount-ro /",
        "--chdir /",
        "--info-fd 3",
        "--block-fd 4",
      ]
    `);
  });

  it('are the same every time', () => {
    expect(bwrapArguments(context, command)).toEqual(bwrapArguments(structuredClone(context), command));
  });

  it('share the network only when it is enabled', () => {
    expect(bwrapArguments(context, command)).toContain('--unshare-net');
    expect(bwrapArguments({ ...context, networkEnabled: true }, command)).not.toContain('--unshare-net');
  });

  it('hold every path and value as one word, whatever characters it has', () => {
    const odd = '/a b\n--bind / /"\'$(x)';
    const list = bwrapArguments({ ...context, paths: [{ path: odd, writable: false }] }, command);
    expect(list[list.indexOf('--ro-bind-try') + 1]).toBe(odd);
    expect(list[list.indexOf('ODD') + 1]).toBe('--bind / /');
  });

  it('never show /usr, /etc, /proc or /sys by themselves', () => {
    const paths = bwrapArguments({ ...context, paths: [] }, command).filter((word) => word.startsWith('/'));
    expect([...new Set(paths)].sort()).toEqual(
      [
        '/',
        '/data/sockets',
        '/dev',
        '/dev/kvm',
        '/dev/null',
        '/dev/random',
        '/dev/urandom',
        '/dev/zero',
        '/tmp',
      ].concat(['/tmp/bl-1000', '/tmp/bl-1000/box1']),
    );
  });

  it('make a procfs of the view itself where /proc is granted, never the host’s', () => {
    const list = lines(bwrapArguments({ ...context, paths: [{ path: '/proc', writable: true }] }, command));
    expect(list).toContain('--proc /proc');
    expect(list.join('\n')).not.toMatch(/bind\S* \/proc/);
  });

  it('join a user namespace made outside, and leave the command the right to find its way in it', () => {
    const list = lines(bwrapArguments({ ...context, userNamespace: { fd: 9 } }, command));
    expect(list).toEqual(expect.arrayContaining(['--userns 9', '--cap-drop ALL', '--perms 1777']));
    expect(list.filter((line) => /^--(unshare-user|disable-userns|uid|gid)/.test(line))).toEqual([]);
    expect(list.filter((line) => line.startsWith('--cap-add'))).toEqual(['--cap-add CAP_DAC_READ_SEARCH']);
  });

  it('make the directories above a grant themselves, open to another user, where the host has none in view', () => {
    const paths = [
      { path: '/a', writable: true },
      { path: '/a/b/c', writable: false },
      { path: '/x/y/z', writable: false },
    ];
    const list = lines(
      bwrapArguments({ ...context, paths, maskedPaths: ['/a/b/'], symlinks: [], devices: [] }, command),
    );
    const made = list.filter((line) => line.startsWith('--dir '));
    expect(made).toEqual(['--dir /dev', '--dir /x', '--dir /x/y']);
    expect(list.indexOf('--dir /x/y')).toBeLessThan(list.indexOf('--ro-bind-try /x/y/z /x/y/z'));
    expect(list.filter((line) => line.startsWith('--perms 0755'))).toHaveLength(made.length);
  });

  it('use the ids of the context, else nobody', () => {
    expect(lines(bwrapArguments(context, command))).toContain('--uid 65534');
    expect(lines(bwrapArguments({ ...context, runAs: { uid: 7, gid: 8 } }, command))).toEqual(
      expect.arrayContaining(['--uid 7', '--gid 8']),
    );
  });
});
