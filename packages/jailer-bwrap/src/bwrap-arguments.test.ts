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
        "--dev-bind-try /dev/kvm /dev/kvm",
        "--dev-bind-try /dev/null /dev/null",
        "--dev-bind-try /dev/random /dev/random",
        "--dev-bind-try /dev/urandom /dev/urandom",
        "--dev-bind-try /dev/zero /dev/zero",
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
      ['/', '/data/sockets', '/dev/kvm', '/dev/null', '/dev/random', '/dev/urandom', '/dev/zero', '/tmp'].concat([
        '/tmp/bl-1000',
        '/tmp/bl-1000/box1',
      ]),
    );
  });

  it('make a procfs of the view itself where /proc is granted, never the host’s', () => {
    const list = lines(bwrapArguments({ ...context, paths: [{ path: '/proc', writable: true }] }, command));
    expect(list).toContain('--proc /proc');
    expect(list.join('\n')).not.toMatch(/bind\S* \/proc/);
  });

  it('use the ids of the context, else nobody', () => {
    expect(lines(bwrapArguments(context, command))).toContain('--uid 65534');
    expect(lines(bwrapArguments({ ...context, runAs: { uid: 7, gid: 8 } }, command))).toEqual(
      expect.arrayContaining(['--uid 7', '--gid 8']),
    );
  });
});
