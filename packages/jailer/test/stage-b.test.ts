import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DENIED_SYSCALLS, defaultStageBPath, seccompFilter, wrapWithStageB } from '../src/index.js';
import { syscallNumber } from '../src/seccomp/syscall-numbers.js';
import { STAGE_B_EXIT_STATUSES } from '../src/stage-b-exit-statuses.js';

const NATIVE = fileURLToPath(new URL('../native', import.meta.url));
const BUSYBOX = '/bin/busybox';
const isRoot = process.geteuid?.() === 0;
let work: string;
let sanitized: string;

beforeAll(async () => {
  work = await mkdtemp('/var/tmp/boxlite-stage-b-');
  await chmod(work, 0o755);
  execFileSync('make', ['-s', '-C', NATIVE]);
  execFileSync('make', ['-s', '-C', NATIVE, 'test-sanitized', `BUILD=${work}`]);
  sanitized = join(work, 'boxlite-stage-b-sanitized');
});
afterAll(() => rm(work, { recursive: true, force: true }));

interface Run {
  readonly helper?: string;
  readonly data?: Readonly<Record<number, Uint8Array | string>>;
  readonly env?: Record<string, string>;
  readonly open?: readonly number[];
}

/** Runs the helper with files on descriptors. */
async function stageB(
  args: readonly string[],
  { helper = defaultStageBPath(), data = {}, env = {}, open = [] }: Run = {},
) {
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', 'pipe'];
  const opened: number[] = [];
  const place = async (fd: number, bytes: Uint8Array | string) => {
    const file = join(work, `fd-${fd}`);
    await writeFile(file, bytes);
    while (stdio.length <= fd) stdio.push('ignore');
    const descriptor = openSync(file, 'r');
    opened.push(descriptor);
    stdio[fd] = descriptor;
  };
  for (const [fd, bytes] of Object.entries(data)) await place(Number(fd), bytes);
  for (const fd of open) await place(fd, `fd ${fd}`);
  const result = spawnSync(helper, args, { env, stdio, encoding: 'utf8', cwd: '/' });
  for (const descriptor of opened) closeSync(descriptor);
  return { status: result.status, signal: result.signal, stdout: result.stdout, stderr: result.stderr };
}

const shell = (script: string) => ['--', BUSYBOX, 'sh', '-c', script];
const rules = (...list: string[]) => list.map((rule) => `${rule}\0`).join('');

describe('stage B becomes the command', () => {
  it('with its arguments, environment and exit status', async () => {
    const result = await stageB(['--', BUSYBOX, 'sh', '-c', 'echo "$A $1 $2"; exit 7', 'sh', '--uid', ''], {
      env: { A: 'b' },
    });
    expect(result).toEqual({ status: 7, signal: null, stdout: 'b --uid \n', stderr: '' });
  });

  it('with variables removed that were named', async () => {
    const result = await stageB(['--unset', 'PWD', '--unset', 'NONE', '--', BUSYBOX, 'env'], {
      env: { PWD: '/', A: 'b' },
    });
    expect(result.stdout).toBe('A=b\n');
  });

  it('without the descriptors that were not listed', async () => {
    const list = `for fd in 3 4 5 6 9 10 11 12 40; do ( : <&$fd ) 2>/dev/null && echo $fd; done`;
    const open = [3, 4, 5, 9, 10, 11, 40];
    expect((await stageB(shell(list), { open })).stdout).toBe('');
    expect((await stageB(['--keep', '4', '--keep', '11', ...shell(list)], { open })).stdout).toBe('4\n11\n');
    expect((await stageB(['--keep-from', '10', ...shell(list)], { open })).stdout).toBe('10\n11\n40\n');
    expect((await stageB(['--keep', '3', '--keep-from', '11', ...shell(list)], { open })).stdout).toBe('3\n11\n40\n');
  });

  it('with no_new_privs on', async () => {
    const result = await stageB(['--', BUSYBOX, 'grep', 'NoNewPrivs', '/proc/self/status']);
    expect(result.stdout).toBe('NoNewPrivs:\t1\n');
  });

  // Only root has ids to give up.
  it.skipIf(!isRoot)('under the ids asked for, without supplementary groups, for good', async () => {
    const script = `b() { ${BUSYBOX} "$@"; }; b grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status`;
    const result = await stageB(['--gid', '1234', '--uid', '5678', ...shell(script)]);
    expect(result.stdout).toBe(
      'Uid:\t5678\t5678\t5678\t5678\nGid:\t1234\t1234\t1234\t1234\nGroups:\t \nCapEff:\t0000000000000000\n',
    );
  });
});

describe('stage B installs the system call filter', () => {
  it('under which every denied call fails with EPERM, in a real process', async () => {
    const fixture = join(work, 'denied-syscalls');
    execFileSync('musl-gcc', [
      '-static',
      '-O1',
      '-o',
      fixture,
      fileURLToPath(new URL('denied-syscalls.c', import.meta.url)),
    ]);
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
    const numbers = [...DENIED_SYSCALLS, 'clone' as const].flatMap((name) => syscallNumber(name, architecture) ?? []);
    const data = { 5: seccompFilter({ networkEnabled: false }) };
    const result = await stageB(['--seccomp', '5', '--', fixture, ...numbers.map(String)], { data });
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe(numbers.map((number) => `${number} 1\n`).join(''));
  });

  it('refuses a program that is empty, cut off, too long or no program', async () => {
    const good = seccompFilter({ networkEnabled: true });
    const programs = [new Uint8Array(), good.subarray(0, 12), new Uint8Array(8).fill(255), good.subarray(0, 8)];
    for (const program of programs) {
      const result = await stageB(['--seccomp', '5', ...shell('echo ran')], { data: { 5: program } });
      expect(result).toMatchObject({ status: STAGE_B_EXIT_STATUSES.seccomp, stdout: '' });
    }
    const long = await stageB(['--seccomp', '5', ...shell('echo ran')], { data: { 5: new Uint8Array(32776) } });
    expect(long).toMatchObject({ status: STAGE_B_EXIT_STATUSES.data, stdout: '' });
  });
});

describe('a step of stage B that fails ends the start with its name and its own status', () => {
  it.each<[keyof typeof STAGE_B_EXIT_STATUSES, string[]]>([
    ['exec', ['--', '/not/there']],
    ['exec', ['--', '/etc']],
    ['data', ['--seccomp', '77', '--', BUSYBOX]],
    ['arguments', []],
    ['arguments', ['--']],
    ['arguments', ['--', '']],
    ['arguments', [BUSYBOX]],
    ['arguments', ['--uid']],
    ['arguments', ['--uid', '-1', '--', BUSYBOX]],
    ['arguments', ['--uid', '4294967295', '--', BUSYBOX]],
    ['arguments', ['--uid', '4294967296', '--', BUSYBOX]],
    ['arguments', ['--uid', '01', '--', BUSYBOX]],
    ['arguments', ['--uid', '1', '--uid', '2', '--', BUSYBOX]],
    ['arguments', ['--uid', '0x1', '--', BUSYBOX]],
    ['arguments', ['--gid', '', '--', BUSYBOX]],
    ['arguments', ['--gid', '99999999999', '--', BUSYBOX]],
    ['arguments', ['--keep', '2', '--', BUSYBOX]],
    ['arguments', ['--keep', '65536', '--', BUSYBOX]],
    ['arguments', ['--seccomp', '5', '--identity', '5', '--', BUSYBOX]],
    ['arguments', ['--unset', 'A=B', '--', BUSYBOX]],
    ['arguments', ['--unknown', 'x', '--', BUSYBOX]],
    [
      'arguments',
      [...Array.from({ length: 65 }, (_unused, index) => ['--keep', String(index + 3)]).flat(), '--', BUSYBOX],
    ],
  ])('%s: %j', async (step, args) => {
    const result = await stageB(args);
    expect(result).toMatchObject({ status: STAGE_B_EXIT_STATUSES[step], stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^boxlite-stage-b: ${step}: .*\\n$`));
  });

  // An ordinary user cannot become another one.
  it.skipIf(!isRoot)('uid, for a user who may not change it', () => {
    const asNobody = ['-u', 'nobody', '--', defaultStageBPath()];
    for (const [option, step] of [
      ['--uid', 'uid'],
      ['--gid', 'gid'],
    ] as const) {
      const result = spawnSync('runuser', [...asNobody, option, '1', '--', BUSYBOX], { encoding: 'utf8' });
      expect(result.status).toBe(STAGE_B_EXIT_STATUSES[step]);
      expect(result.stderr).toContain(`boxlite-stage-b: ${step}: `);
    }
  });
});

describe('stage B under address and undefined-behaviour sanitizers', () => {
  it('parses, filters and runs without a finding', async () => {
    const data = { 5: seccompFilter({ networkEnabled: true }) };
    const args = ['--seccomp', '5', '--keep-from', '10', '--unset', 'A', ...shell('echo ran')];
    expect(await stageB(args, { helper: sanitized, data })).toMatchObject({ status: 0, stdout: 'ran\n', stderr: '' });
  });

  it('survives damaged data: it runs the command or names the step', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    const { dev, ino } = await stat(BUSYBOX);
    const good = Buffer.from(rules(`${dev}:${ino}:${BUSYBOX}`));
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(good.subarray(0, random(good.length + 1)));
      if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
      const result = await stageB(['--identity', '8', '--', BUSYBOX, 'true'], {
        helper: sanitized,
        data: { 8: bytes },
      });
      const known = [0, STAGE_B_EXIT_STATUSES.data, STAGE_B_EXIT_STATUSES.identity];
      expect(known, `round ${round}: ${result.stderr}`).toContain(result.status);
      expect(result.stderr).not.toContain('Sanitizer');
    }
  });
});

describe('the command line of stage B', () => {
  it('carries ids, and nothing of the paths', () => {
    const context = {
      id: 'b',
      paths: [
        { path: '/data', writable: true },
        { path: '/lib/x.so', writable: false },
      ],
      devices: ['/dev/kvm'],
      symlinks: [{ path: '/tmp/bl-0/b', target: '/data' }],
      runAs: { uid: 1, gid: 2 },
      resourceLimits: {},
      networkEnabled: true,
    };
    const command = { binary: '/usr/bin/vmm', args: ['-a'], env: { PWD: '/x' } };
    const { args, dataFds } = wrapWithStageB(context, command, { path: '/stage-b' });
    expect(args).toEqual(['--gid', '2', '--uid', '1', '--keep-from', '10', '--', '/usr/bin/vmm', '-a']);
    expect(dataFds).toEqual([]);
  });
});
