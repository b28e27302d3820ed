import { execFileSync } from 'node:child_process';
import {
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { type ConfinedCommand, FrameType, type InheritedFile, type ProcessLimits } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createSupervisor } from '../src/index.js';
import { FrameInbox } from './support/frame-inbox.js';
import { supervisorBinary } from './support/native-build.js';
import { gone } from './support/processes.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();

async function output(
  steps: readonly string[],
  command: Partial<ConfinedCommand> = {},
  stdin?: Uint8Array,
  files?: readonly InheritedFile[],
): Promise<string> {
  const vm = await fixture.launch([], {
    command: fixture.box.command(steps, command),
    ...(stdin === undefined ? {} : { stdin }),
    ...(files === undefined ? {} : { files }),
  });
  expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
  return fixture.box.read(fixture.box.consoleFile);
}

describe('the descriptors of the VMM', () => {
  it('are exactly the promised ones: all others are closed, always', async () => {
    const listed = await output(['fds']);
    expect(
      listed
        .split('\n')
        .filter(Boolean)
        .map((line) => line.replace(/\[\d+\]/, '')),
    ).toEqual(['fd 0 /dev/null', 'fd 1 pipe:', 'fd 2 pipe:']);
  });

  it('hold nothing of what the launcher itself had inherited', async () => {
    const leaky = `${fixture.box.dir}/leaky`;
    writeFileSync(leaky, `#!/bin/sh\nexec 7</etc/passwd 8>&7\nexec ${supervisorBinary}\n`, { mode: 0o755 });
    const vm = await createSupervisor({ binary: leaky }).launch(fixture.box.request(['fds', ...fixture.box.agent]));
    await new FrameInbox(vm.channel).next(FrameType.HELLO);
    if (process.geteuid?.() === 0) {
      // An ordinary user may not look into a supervisor, their own neither.
      const own = `/proc/${vm.welcome.supervisor.pid}/fd`;
      expect(readdirSync(own).map((fd) => readlinkSync(`${own}/${fd}`))).not.toContain('/etc/passwd');
    }
    await vm.kill();
    await gone(vm.welcome.supervisor.pid);
    expect(fixture.box.read(fixture.box.consoleFile)).not.toContain('/etc/passwd');
  });

  it('include data and listeners at the numbers asked for', async () => {
    const vm = await fixture.launch([], {
      command: fixture.box.command(['fds'], {
        dataFds: [
          { fd: 200, data: Buffer.from('far') },
          { fd: 3, data: Buffer.from('near') },
        ],
      }),
      listeners: [{ fd: 11, path: `${fixture.box.controlDir}/qmp.sock` }],
    });
    await vm.wait();
    const numbers = [...fixture.box.read(fixture.box.consoleFile).matchAll(/^fd (\d+)/gm)].map(([, fd]) => Number(fd));
    expect(numbers).toEqual([0, 1, 2, 3, 11, 200]);
  });

  it('include files at the numbers asked for, each with a position of its own', async () => {
    const path = `${fixture.box.dir}/state`;
    writeFileSync(path, 'the state\n', { mode: 0o400 });
    const files = [10, 14].map((fd) => ({ fd, path }));
    expect(await output(['fd', '14', 'fd', '10'], {}, undefined, files)).toBe('the state\nthe state\n');
  });

  it('do not block on a file otherwise than on one the VMM opened itself', async () => {
    const path = `${fixture.box.dir}/state`;
    writeFileSync(path, '');
    const command = { binary: '/bin/grep', args: ['flags:', '/proc/self/fdinfo/11'] };
    const flags = Number.parseInt((await output([], command, undefined, [{ fd: 11, path }])).slice(6).trim(), 8);
    expect(flags & (constants.O_NONBLOCK | constants.O_WRONLY | constants.O_RDWR)).toBe(0);
  });

  it('carry binary data whole: NUL bytes, and more than a pipe holds', async () => {
    const data = Buffer.alloc(300_000, 'x\0y\n');
    const vm = await fixture.launch([], { command: fixture.box.command(['fd', '7'], { dataFds: [{ fd: 7, data }] }) });
    await vm.wait();
    expect(Buffer.from(fixture.box.read(fixture.box.consoleFile)).equals(data)).toBe(true);
  });

  it('give the VMM its configuration on stdin, which then ends', async () => {
    expect(await output(['cat', 'out', '.'], {}, Buffer.from('a\0b'))).toBe('a\0b.\n');
  });

  it('include listening sockets outside the jail, at paths longer than sun_path', async () => {
    const deep = `${fixture.box.controlDir}/${'d'.repeat(120)}`;
    mkdirSync(deep);
    const vm = await fixture.launch([], {
      command: fixture.box.command(['accept', '12']),
      listeners: [{ fd: 12, path: `${deep}/qmp.sock` }],
    });
    symlinkSync(deep, `${fixture.box.dir}/short`);
    const socket = connect({ path: `${fixture.box.dir}/short/qmp.sock` });
    const [greeting] = await Promise.all([new Promise((resolve) => socket.once('data', resolve)), vm.wait()]);
    expect(String(greeting)).toBe('monitor\n');
    expect(existsSync(`${deep}/qmp.sock`)).toBe(false);
  });
});

describe('the VMM starts', () => {
  it('with the limits asked for, never a core file, and in a process group of its own', async () => {
    const text = await output(['limits'], {
      rlimits: { maxOpenFiles: 64, maxFileSize: 123_456, maxMemory: 1_073_741_824, maxCpuTime: 50 },
    });
    expect(text).toContain('limit nofile 64\nlimit fsize 123456\nlimit as 1073741824\nlimit cpu 50\nlimit core 0\n');
    expect(text).toContain('group 1\n');
    expect((await output(['limits'])).match(/limit core 0/g)).toHaveLength(2);
  });

  it('with as many processes as its user may have: that limit counts those of all boxes, and is the cgroup\u2019s alone', async () => {
    const rlimits = { maxOpenFiles: 64, maxProcesses: 3 } as ProcessLimits;
    const processesOf = (text: string) => /limit nproc (-?\d+)\n/.exec(text)?.[1];
    const own = processesOf(await output(['limits']));
    const again = processesOf((await output(['limits'], { rlimits })).split('group')[1] ?? '');
    expect([again, own === '3']).toEqual([own, false]);
  });

  it('with exactly the given environment and arguments', async () => {
    const text = await output([], { binary: '/usr/bin/env', args: [], env: { A: '1 2', B: '=' } });
    expect(text).toBe('A=1 2\nB==\n');
  });

  it('with default signal dispositions and nothing blocked, in /, whatever the supervisor ignores', async () => {
    const text = await output([], {
      binary: '/bin/sh',
      args: ['-c', 'pwd; umask; grep -E "^Sig(Blk|Ign)|^NoNewPrivs" /proc/self/status'],
    });
    expect(text).toBe('/\n0077\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t0\n');
  });

  it('in the cgroup of its box, which is killed as a whole at the end', async (context) => {
    const root = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(`${path}/cgroup.procs`));
    if (root === undefined || process.getuid?.() !== 0) return context.skip('needs root and cgroup v2');
    const cgroupDir = `${root}/boxlite-test-${process.pid}`;
    mkdirSync(cgroupDir);
    try {
      const vm = await fixture.launch([], {
        command: fixture.box.command(['orphan', ...fixture.box.agent], { cgroupDir }),
      });
      expect(fixture.box.read(`${cgroupDir}/cgroup.procs`).split('\n')).toContain(String(vm.welcome.vmm.pid));
      await vm.kill();
      expect(fixture.box.read(`${cgroupDir}/cgroup.procs`)).toBe('');
    } finally {
      rmdirSync(cgroupDir);
    }
  });
});

describe('a step that fails aborts the start with its name', () => {
  const failing: Record<string, [code: string, details: object, changes: () => Parameters<typeof fixture.launch>[1]]> =
    {
      'exec, of a program that is missing': [
        'vmm_failed',
        { step: 'exec', errnoName: 'ENOENT' },
        () => ({ command: fixture.box.command([], { binary: '/no/such/vmm' }) }),
      ],
      'exec, of something that is no program': [
        'vmm_failed',
        { step: 'exec', errnoName: 'EACCES' },
        () => ({ command: fixture.box.command([], { binary: '/etc/passwd' }) }),
      ],
      cgroup: [
        'vmm_failed',
        { step: 'cgroup', errnoName: 'ENOENT' },
        () => ({ command: fixture.box.command([], { cgroupDir: '/sys/fs/cgroup/no-such-group' }) }),
      ],
      'agent-socket, in a directory that is missing': [
        'supervisor_failed',
        { step: 'agent-socket', errnoName: 'ENOENT' },
        () => ({ agentSocket: `${fixture.box.dir}/missing/box.sock` }),
      ],
      'agent-socket, where something else is': [
        'supervisor_failed',
        { step: 'agent-socket', errnoName: 'ENOTSOCK' },
        () => ({ agentSocket: fixture.box.stderrFile }),
      ],
      listener: [
        'supervisor_failed',
        { step: 'listener', errnoName: 'ENOENT' },
        () => ({ listeners: [{ fd: 10, path: '/no/such/dir/qmp.sock' }] }),
      ],
      'file, that is missing': [
        'vmm_failed',
        { step: 'file', errnoName: 'ENOENT' },
        () => ({ files: [{ fd: 11, path: `${fixture.box.dir}/none` }] }),
      ],
      'file, that a link stands for': [
        'vmm_failed',
        { step: 'file', errnoName: 'ELOOP' },
        () => {
          symlinkSync('/etc/passwd', `${fixture.box.dir}/link`);
          return { files: [{ fd: 11, path: `${fixture.box.dir}/link` }] };
        },
      ],
      'file, that is a directory': [
        'vmm_failed',
        { step: 'file', errno: 0 },
        () => ({ files: [{ fd: 11, path: fixture.box.dir }] }),
      ],
      'file, that is a device': [
        'vmm_failed',
        { step: 'file', errno: 0 },
        () => ({ files: [{ fd: 11, path: '/dev/zero' }] }),
      ],
      'file, that is a pipe nobody writes to': [
        'vmm_failed',
        { step: 'file', errno: 0 },
        () => {
          execFileSync('mkfifo', [`${fixture.box.dir}/pipe`]);
          return { files: [{ fd: 11, path: `${fixture.box.dir}/pipe` }] };
        },
      ],
      record: [
        'supervisor_failed',
        { step: 'record', errnoName: 'ENOENT' },
        () => ({ pidFile: '/no/such/dir/shim.pid' }),
      ],
      'api-socket': ['supervisor_failed', { step: 'api-socket' }, () => ({ controlDir: '/no/such/dir' })],
      'config, for two things on one descriptor': [
        'supervisor_failed',
        { step: 'config' },
        () => ({
          listeners: [{ fd: 10, path: '/tmp/a' }],
          command: fixture.box.command([], { dataFds: [{ fd: 10, data: Buffer.of() }] }),
        }),
      ],
      'config, for a file and a socket on one descriptor': [
        'supervisor_failed',
        { step: 'config' },
        () => ({ listeners: [{ fd: 10, path: '/tmp/a' }], files: [{ fd: 10, path: '/etc/passwd' }] }),
      ],
      'config, for more files than there are places': [
        'supervisor_failed',
        { step: 'config' },
        () => ({ files: Array.from({ length: 17 }, (_unused, index) => ({ fd: 10 + index, path: '/etc/passwd' })) }),
      ],
      'config, for a path that is not absolute': [
        'supervisor_failed',
        { step: 'config' },
        () => ({ exitFile: 'exit' }),
      ],
    };

  it.each(Object.keys(failing))('%s', async (name) => {
    const [code, details, changes] = failing[name]!;
    await expect(fixture.launch(['out', 'never'], changes())).rejects.toMatchObject({ code, details });
    expect(existsSync(fixture.box.pidFile)).toBe(false);
    expect(readdirSync(fixture.box.controlDir)).toEqual([]);
    expect(readdirSync(`${fixture.box.dir}/sockets`)).toEqual([]);
    expect(existsSync(fixture.box.exitFile)).toBe(false);
  });

  it('api-socket, when a living supervisor has the box; that one is not disturbed', async () => {
    const { vm } = await fixture.launchAgent();
    await expect(fixture.launch(['stall'])).rejects.toMatchObject({
      code: 'supervisor_failed',
      details: { step: 'api-socket', errnoName: 'EADDRINUSE' },
    });
    expect((await fixture.connect()).welcome).toEqual(vm.welcome);
  });

  it('api-socket, for all but one of several started at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => fixture.launch(['stall'])));
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
    expect(failed).toHaveLength(5);
    for (const error of failed)
      expect(error).toMatchObject({ details: { step: 'api-socket', errnoName: 'EADDRINUSE' } });
    await fixture.connect();
  });

  it('spawn, when the supervisor itself is missing', async () => {
    const broken = createSupervisor({ binary: '/no/such/supervisor' });
    await expect(broken.launch(fixture.box.request(['stall']))).rejects.toMatchObject({
      code: 'supervisor_failed',
      details: { step: 'spawn', field: 'binary' },
    });
  });

  it('an aborted launch leaves nothing', async () => {
    const abort = new AbortController();
    const launching = createSupervisor().launch(fixture.box.request(['stall']), abort.signal);
    abort.abort();
    await expect(launching).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(fixture.box.controlDir)).toEqual([]);
    expect(existsSync(fixture.box.pidFile)).toBe(false);
  });

  it('a control directory whose path is longer than sun_path works', async () => {
    const controlDir = `${fixture.box.dir}/${'c'.repeat(150)}`;
    mkdirSync(controlDir);
    const vm = await fixture.launch(['stall'], { controlDir });
    const other = await createSupervisor().connect(controlDir);
    expect(other.welcome).toEqual(vm.welcome);
    expect(await other.kill()).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });

  it('a socket file that is no socket is never removed', async () => {
    writeFileSync(`${fixture.box.controlDir}/api.sock`, 'mine');
    await expect(fixture.launch(['stall'])).rejects.toMatchObject({
      details: { step: 'api-socket', errnoName: 'ENOTSOCK' },
    });
    expect(fixture.box.read(`${fixture.box.controlDir}/api.sock`)).toBe('mine');
  });
});
