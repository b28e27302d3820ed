import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfinedCommand, PathAccess, SandboxContext } from '@boxlite/core';
import { runConfined } from '@boxlite/core/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLandlockSandbox } from '../src/index.js';
import { thisHost } from '../src/landlock-host.js';

/** What this kernel's Landlock cannot refuse yet is left out; `boxlite doctor` names the version. */
const VERSION = Number(await thisHost.version(thisHost.helperPath()));
const since = (version: number, ...attempts: Attempt[]) => (VERSION >= version ? attempts : []);
const ABSTRACT = `boxlite-landlock-test-${process.pid}`;
let work: string;
let probe: string;
let port: number;
let place: string;
const servers: Server[] = [];
const outsider = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });

async function listen(server: Server, where: { port: number; host: string } | { path: string }): Promise<Server> {
  servers.push(server);
  server.listen(where);
  await once(server, 'listening');
  return server;
}

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/boxlite-landlock-rights-');
  await chmod(work, 0o755);
  probe = join(work, 'rights-probe');
  const source = fileURLToPath(new URL('rights-probe.c', import.meta.url));
  execFileSync('musl-gcc', ['-static', '-O1', '-Wall', '-Werror', '-idirafter', '/usr/include', '-o', probe, source]);
  const tcp = await listen(createServer(), { port: 0, host: '127.0.0.1' });
  const address = tcp.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  await listen(createServer(), { path: `\0${ABSTRACT}` });
});
afterAll(async () => {
  outsider.kill('SIGKILL');
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(work, { recursive: true, force: true });
});

/** `in/` and `more/` to be granted, `out/` not; each with a file and a program. */
beforeEach(async () => {
  place = await mkdtemp(join(work, 'place-'));
  for (const name of ['in', 'more', 'out']) {
    await mkdir(join(place, name));
    await writeFile(join(place, name, 'file'), 'content');
    await copyFile('/bin/busybox', join(place, name, 'true'));
    await symlink(join(place, 'out', 'file'), join(place, name, 'way-out'));
  }
});

const bare = (args: readonly string[]): ConfinedCommand => ({
  binary: probe,
  args,
  env: {},
  pidReport: { kind: 'self' },
});

type Attempt = readonly [operation: string, ...args: string[]];

async function run(attempts: readonly Attempt[], confine: (args: readonly string[]) => ConfinedCommand = bare) {
  const args = attempts.flatMap((attempt, index) => (index === 0 ? attempt : [',', ...attempt]));
  const { stdout, stderr, code } = await runConfined(confine(args));
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.trim().split('\n');
}

async function under(attempts: readonly Attempt[], paths: readonly PathAccess[], parts: Partial<SandboxContext> = {}) {
  const sandbox = createLandlockSandbox();
  await sandbox.isAvailable();
  const all = [...paths, { path: probe, writable: false }].sort((a, b) => (a.path < b.path ? -1 : 1));
  const context: SandboxContext = { id: 'rights', resourceLimits: {}, networkEnabled: true, ...parts, paths: all };
  await sandbox.setup(context);
  return run(attempts, (args) => sandbox.apply(context, { binary: probe, args, env: {} }));
}

/** The helper as it would act on an older kernel. */
const atMost =
  (version: number, rules: readonly string[], options: readonly string[] = []) =>
  (args: readonly string[]) => {
    const [helper = ''] = createLandlockSandbox().programs ?? [];
    const data = new TextEncoder().encode(rules.map((rule) => `${rule}\0`).join(''));
    return {
      ...bare(['--rules', '6', '--at-most', String(version), ...options, '--', probe, ...args]),
      binary: helper,
      dataFds: [{ fd: 6, data }],
    };
  };

describe('without Landlock every attempt below succeeds', () => {
  it('on files', async () => {
    const out = (name: string) => join(place, 'out', name);
    const attempts: Attempt[] = [
      ['read', out('file')],
      ['list', join(place, 'out')],
      ['write', out('file')],
      ['create', out('new')],
      ['truncate', out('file')],
      ['mkdir', out('directory')],
      ['symlink', out('link')],
      ['fifo', out('fifo')],
      ['link', out('file'), out('second')],
      ['rename', out('second'), join(place, 'in', 'moved')],
      ['exec', out('true')],
      ['unlink', out('new')],
    ];
    expect(await run(attempts)).toEqual(attempts.map(([what]) => `${what} ok`));
    // The device is asked, and is no terminal.
    expect(await run([['ioctl', '/dev/full']])).toEqual(['ioctl ENOTTY']);
  });

  it('on sockets and processes', async () => {
    const attempts: Attempt[] = [
      ['connect', String(port)],
      ['bind', '0'],
      ['udp', '9'],
      ['netlink'],
      ['abstract', ABSTRACT],
      ['signal', String(outsider.pid)],
      ['ptrace', String(outsider.pid)],
    ];
    expect(await run(attempts)).toEqual(attempts.map(([what]) => `${what} ok`));
    expect(await run([['io_uring']])).toEqual(['io_uring EFAULT']);
  });
});

describe('Landlock alone refuses', () => {
  it('everything of a file outside: reading, writing, creating, truncating, executing, removing', async () => {
    const out = (name: string) => join(place, 'out', name);
    const attempts: Attempt[] = [
      ['read', out('file')],
      ['read', join(place, 'in', 'way-out')],
      ['list', join(place, 'out')],
      ['write', out('file')],
      ['write', join(place, 'in', 'way-out')],
      ['create', out('new')],
      ...since(3, ['truncate', out('file')]),
      ['mkdir', out('directory')],
      ['symlink', out('link')],
      ['fifo', out('fifo')],
      ['exec', out('true')],
      ['unlink', out('file')],
    ];
    const paths = [{ path: join(place, 'in'), writable: true }];
    expect(await under(attempts, paths)).toEqual(attempts.map(([what]) => `${what} EACCES`));
  });

  it('writing, creating, truncating and removing below a path that may only be read, which may be executed', async () => {
    const inside = (name: string) => join(place, 'in', name);
    const refused: Attempt[] = [
      ['write', inside('file')],
      ['create', inside('new')],
      ...since(3, ['truncate', inside('file')]),
      ['mkdir', inside('directory')],
      ['unlink', inside('file')],
    ];
    const allowed: Attempt[] = [
      ['read', inside('file')],
      ['list', join(place, 'in')],
      ['exec', inside('true')],
    ];
    expect(await under([...refused, ...allowed], [{ path: join(place, 'in'), writable: false }])).toEqual([
      ...refused.map(([what]) => `${what} EACCES`),
      ...allowed.map(([what]) => `${what} ok`),
    ]);
  });

  it('executing what may be written, and what was granted as not executable', async () => {
    const paths: PathAccess[] = [
      { path: join(place, 'in'), writable: true },
      { path: join(place, 'more'), writable: false, executable: false },
    ];
    const attempts: Attempt[] = [
      ['write', join(place, 'in', 'true')],
      ['exec', join(place, 'in', 'true')],
      ['read', join(place, 'more', 'true')],
      ['exec', join(place, 'more', 'true')],
    ];
    expect(await under(attempts, paths)).toEqual(['write ok', 'exec EACCES', 'read ok', 'exec EACCES']);
  });

  it('renaming and linking across its border, and allows them between two writable paths', async () => {
    const file = (directory: string, name = 'file') => join(place, directory, name);
    const paths = ['in', 'more'].map((name) => ({ path: join(place, name), writable: true }));
    const attempts: Attempt[] = [
      ['rename', file('out'), file('in', 'stolen')],
      ['rename', file('in'), file('out', 'dropped')],
      ['link', file('out'), file('in', 'stolen')],
      ['link', file('in'), file('out', 'dropped')],
      ['link', file('in'), file('more', 'second')],
      ['rename', file('in'), file('more', 'moved')],
    ];
    const results = await under(attempts, paths);
    expect(results.slice(0, 4).join()).toMatch(
      /^rename (EACCES|EXDEV),rename (EACCES|EXDEV),link (EACCES|EXDEV),link (EACCES|EXDEV)$/,
    );
    expect(results.slice(4)).toEqual(['link ok', 'rename ok']);
  });

  it('requests to a device that is not granted as one, and making device nodes', async () => {
    const paths = [
      { path: '/dev/full', writable: true },
      { path: join(place, 'in'), writable: true },
    ];
    expect(await under([['device', join(place, 'in', 'urandom')]], paths)).toEqual([
      expect.stringMatching(/^device (EACCES|EPERM)$/),
    ]);
    expect(await under([['ioctl', '/dev/full']], paths)).toEqual([VERSION >= 5 ? 'ioctl EACCES' : 'ioctl ENOTTY']);
    expect(await under([['ioctl', '/dev/full']], [], { devices: ['/dev/full'] })).toEqual(['ioctl ENOTTY']);
  });

  it('every socket but unix ones where there is to be no network, also those made by io_uring', async () => {
    const attempts: Attempt[] = [
      ['connect', String(port)],
      ['bind', '0'],
      ['udp', '9'],
      ['raw'],
      ['netlink'],
      ['vsock'],
      ['io_uring'],
    ];
    const refused = attempts.map(([what]) => `${what} ${what === 'io_uring' ? 'ENOSYS' : 'EACCES'}`);
    expect(await under(attempts, [], { networkEnabled: false })).toEqual(refused);
    // Also inside a view, whose network namespace has no say in the last two.
    expect(await under(attempts, [], { networkEnabled: false, insideView: true })).toEqual(refused);
    const allowed: Attempt[] = [
      ['connect', String(port)],
      ['udp', '9'],
    ];
    expect(await under(allowed, [], { networkEnabled: true })).toEqual(['connect ok', 'udp ok']);
  });

  it('abstract sockets, signals and tracing outside, with and without a network', async () => {
    const attempts: Attempt[] = [
      ['ptrace', String(outsider.pid)],
      ...since(6, ['abstract', ABSTRACT], ['signal', String(outsider.pid)]),
    ];
    for (const networkEnabled of [true, false]) {
      expect(await under(attempts, [], { networkEnabled })).toEqual(attempts.map(([what]) => `${what} EPERM`));
    }
  });

  it('mounting, changing the root and every capability, also to root', async () => {
    const attempts: Attempt[] = [
      ['mount', join(place, 'in')],
      ['chroot', join(place, 'in')],
    ];
    const paths = [{ path: join(place, 'in'), writable: true }];
    expect(await under(attempts, paths)).toEqual(['mount EPERM', 'chroot EPERM']);
    const sandbox = createLandlockSandbox();
    const context: SandboxContext = {
      id: 'rights',
      resourceLimits: {},
      networkEnabled: true,
      paths: ['/bin/busybox', '/proc'].map((path) => ({ path, writable: false })),
    };
    await sandbox.setup(context);
    const status = ['grep', '-E', '^(Cap|NoNewPrivs)', '/proc/self/status'];
    const command = { binary: '/bin/busybox', args: status, env: {} };
    const { stdout } = await runConfined(sandbox.apply(context, command));
    // An ordinary user keeps the bounding set: nothing ever comes of it.
    const sets = stdout
      .trim()
      .split('\n')
      .filter((line) => process.geteuid?.() === 0 || !line.startsWith('CapBnd'));
    expect(sets.filter((line) => !/^Cap\w+:\t0+$/.test(line))).toEqual(['NoNewPrivs:\t1']);
  });

  it('a file that took the place of the one that was meant', async () => {
    const sandbox = createLandlockSandbox();
    const path = join(place, 'in');
    const paths: PathAccess[] = [{ path, writable: true, identity: { device: '1', inode: '1' } }];
    const context: SandboxContext = { id: 'rights', resourceLimits: {}, networkEnabled: true, paths };
    await sandbox.setup(context);
    const result = await runConfined(sandbox.apply(context, { binary: probe, args: ['list', path], env: {} }));
    expect(result).toMatchObject({ code: 110, stdout: '', stderr: expect.stringContaining(`identity: ${path}`) });
  });
});

describe('each version of Landlock holds what it is said to', () => {
  const rules = () => [`x${probe}`, `x${join(place, 'in')}`, `w${join(place, 'more')}`, 'w/dev/full'];
  const table: readonly [what: string, first: number, attempt: () => Attempt, before: string, after: string][] = [
    ['truncation', 3, () => ['truncate', join(place, 'in', 'file')], 'ok', 'EACCES'],
    ['TCP connect', 4, () => ['connect', String(port)], 'ok', 'EACCES'],
    ['TCP bind', 4, () => ['bind', '0'], 'ok', 'EACCES'],
    ['device requests', 5, () => ['ioctl', '/dev/full'], 'ENOTTY', 'EACCES'],
    ['abstract sockets', 6, () => ['abstract', ABSTRACT], 'ok', 'EPERM'],
    ['signals', 6, () => ['signal', String(outsider.pid)], 'ok', 'EPERM'],
  ];

  for (const [what, first, attempt, before, after] of table) {
    it.skipIf(VERSION < first)(`${what} since version ${first}, and not before`, async () => {
      const [operation] = attempt();
      const older = await run([attempt()], atMost(first - 1, rules(), ['--no-tcp']));
      const newer = await run([attempt()], atMost(first, rules(), ['--no-tcp']));
      expect([older, newer]).toEqual([[`${operation} ${before}`], [`${operation} ${after}`]]);
    });
  }

  it('files since the first', async () => {
    const attempts: Attempt[] = [
      ['read', join(place, 'out', 'file')],
      ['write', join(place, 'in', 'file')],
      ['exec', join(place, 'more', 'true')],
    ];
    expect(await run(attempts, atMost(1, rules()))).toEqual(['read EACCES', 'write EACCES', 'exec EACCES']);
  });

  it('moving between directories is what the first cannot allow', async () => {
    const both = [`x${probe}`, `w${join(place, 'in')}`, `w${join(place, 'more')}`];
    const attempt: Attempt = ['rename', join(place, 'in', 'file'), join(place, 'more', 'moved')];
    expect(await run([attempt], atMost(1, both))).toEqual(['rename EXDEV']);
    expect(await run([attempt], atMost(2, both))).toEqual(['rename ok']);
  });
});
