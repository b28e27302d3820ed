import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExitRecord, Jail } from '@boxlite/core';
import { createJailer, type SecurityOptionsInput, syscallNumber } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createSupervisor, parseExitRecord } from '@boxlite/supervisor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
const POLICY = new URL('../../packages/vmm-qemu/policy/qemu.policy', import.meta.url);
const REMEDY = "start the box with seccomp 'diagnose' to see which";

let work: string;
let program: string;
let policy: string;
let runs = 0;

beforeAll(async () => {
  for (const name of ['jailer', 'supervisor']) {
    execFileSync('make', ['-s', '-C', fileURLToPath(new URL(`../../packages/${name}/native`, import.meta.url))]);
  }
  work = await mkdtemp('/var/tmp/boxlite-refused-');
  program = join(work, 'one-call');
  const source = fileURLToPath(new URL('../../packages/jailer/test/policy-calls.c', import.meta.url));
  execFileSync('musl-gcc', ['-static', '-O1', '-o', program, source]);
  execFileSync('chmod', ['-R', 'a+rX', work]);
  policy = await readFile(POLICY, 'utf8');
});
afterAll(() => rm(work, { recursive: true, force: true }));

function jailWith(security: SecurityOptionsInput, seccompPolicy: string | undefined): Jail {
  return createJailer({
    ...{ id: `refused${runs}`, sandbox: createBwrapSandbox(), paths: [{ path: program, writable: false }] },
    security: { networkEnabled: false, ...security },
    ...(seccompPolicy === undefined ? {} : { seccompPolicy }),
  });
}

/** Runs a program in the VMM's place, which makes one system call and ends with its error number. */
async function makeCall(
  name: string,
  args: readonly number[],
  security: SecurityOptionsInput,
  seccompPolicy: string | undefined = policy,
): Promise<{ record: ExitRecord; left: string; warnings: readonly string[]; jail: Jail }> {
  const box = join(work, `box${runs++}`);
  await mkdir(join(box, 'control'), { recursive: true });
  const [stderrFile, exitFile] = [join(box, 'shim.stderr'), join(box, 'exit')];
  await writeFile(stderrFile, '');
  const jail = jailWith(security, seccompPolicy);
  const warnings = await jail.prepare();
  try {
    const words = [syscallNumber(name, architecture) ?? -1, ...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
    const vm = await createSupervisor().launch({
      ...{ boxId: `refused${runs}`, detached: false, stderrFile, exitFile },
      command: jail.command({ binary: program, args: ['call', ...words.map((word) => word.toString(16))], env: {} }),
      ...{ agentSocket: join(box, 'box.sock'), controlDir: join(box, 'control'), pidFile: join(box, 'shim.pid') },
      ...{ consoleFile: join(box, 'console.log'), consoleMaxBytes: 65_536 },
    });
    const record = await vm.wait();
    return { record, left: await readFile(exitFile, 'utf8').catch(() => ''), warnings, jail };
  } finally {
    await jail.release();
  }
}

describe('a VMM that makes a system call its policy forbids', () => {
  it('is killed, and its exit record says what happened and how to learn which call it was', async () => {
    const { record, left, jail } = await makeCall('io_uring_enter', [], {});
    expect(record).toMatchObject({ kind: 'Signal', signal: 31 });
    expect('message' in record && record.message).toContain('the VMM made a system call its policy forbids');
    expect('message' in record && record.message).toContain(REMEDY);
    expect(parseExitRecord(left)).toEqual(record);
    expect(jail.layers?.find(({ name }) => name === 'seccomp')).toMatchObject({
      state: 'active',
      detail: expect.stringMatching(/^allow-list qemu: \d+ calls, \d+ instructions$/),
    });
  });

  it('is killed in a diagnosis run too, and the record names the call with its arguments', async () => {
    const { record, left } = await makeCall('io_uring_enter', [0x11, 0x22, 0xfeed], { seccomp: 'diagnose' });
    const number = syscallNumber('io_uring_enter', architecture);
    expect(record).toMatchObject({
      ...{ kind: 'Signal', signal: 31 },
      message: `the VMM made a system call its policy forbids: io_uring_enter (${number}) with arguments 0x11, 0x22, 0xfeed, 0x0, 0x0, 0x0`,
      call: { number, args: ['0x11', '0x22', '0xfeed', '0x0', '0x0', '0x0'] },
    });
    expect(parseExitRecord(left)).toEqual(record);
  });

  it('is told of arguments as well: the call is allowed, this way of making it is not', async () => {
    const ioctl = await makeCall('ioctl', [0, 0x5412], { seccomp: 'diagnose' });
    expect(ioctl.record).toMatchObject({ message: expect.stringContaining('forbids: ioctl (') });
    expect(ioctl.record).toMatchObject({ message: expect.stringContaining('0x0, 0x5412, ') });
  });

  it('is told apart in a diagnosis run where the signal was not the doing of its policy', async () => {
    // What bubblewrap says of a command that died by SIGSYS.
    const { record } = await makeCall('exit_group', [128 + 31], { seccomp: 'diagnose' });
    expect(record).toMatchObject({ kind: 'Signal', signal: 31, message: expect.stringContaining("not the jail's") });
    expect(record).not.toHaveProperty('call');
  });

  it('is not let through by a diagnosis: what is allowed works, what fails with an error fails with it', async () => {
    for (const seccomp of ['enforce', 'diagnose'] as const) {
      expect((await makeCall('getpid', [], { seccomp })).record).toEqual({ kind: 'Clean', reason: 'guest' });
      // ENOSYS
      expect((await makeCall('clone3', [], { seccomp })).record).toMatchObject({ kind: 'Error', code: 38 });
    }
  });
});

describe('the filter', () => {
  it('is off where it was switched off', async () => {
    const { record, jail } = await makeCall('io_uring_enter', [0xffffffff], { seccomp: 'off' });
    // EBADF, of the kernel itself.
    expect(record).toMatchObject({ kind: 'Error', code: 9 });
    expect(jail.layers?.find(({ name }) => name === 'seccomp')).toMatchObject({ state: 'inactive' });
  });

  it('is a deny-list for a VMM without a policy, of which a diagnosis says that it names nothing', async () => {
    const jail = createJailer({
      ...{ id: 'plain', sandbox: createBwrapSandbox(), paths: [{ path: program, writable: false }] },
      security: { networkEnabled: false, seccomp: 'diagnose' },
    });
    const warnings = await jail.prepare();
    await jail.release();
    expect(warnings.join('\n')).toContain("seccomp: 'diagnose' names no call");
    expect(jail.layers?.find(({ name }) => name === 'seccomp')).toMatchObject({
      state: 'partial',
      detail: expect.stringContaining('deny-list'),
    });
  });

  it('is never made of a text that is no policy', () => {
    expect(() => jailWith({}, 'policy p\nreed')).toThrow('system call policy p, line 2: there is no system call reed');
  });
});
