import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shimConfig } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeLaunchConfig } from '../../packages/supervisor/src/launch-config.js';
import { ensureArm64Sysroot } from '../toolchain/arm64-sysroot.mjs';
import { buildObstacle, buildSet, makeNative } from './build-set.mjs';
import { setProblems } from './check-set.mjs';
import { NATIVE_BINARY_NAMES, packageDirectory, ROOT } from './platform-set.mjs';
import { releaseVersion } from './release-version.mjs';

const TARGET = 'linux-arm64';
const EMULATOR = 'qemu-aarch64-static';
/** Where Debian's cross compiler keeps the C library that the shim asks for. */
const LIBRARIES = '/usr/aarch64-linux-gnu';
const work = mkdtempSync(join(tmpdir(), 'boxlite-arm64-'));
const set = join(work, 'package');
const native = (owner: string) => join(ROOT, 'packages', owner, 'native');

const obstacle =
  buildObstacle(TARGET) ??
  ensureArm64Sysroot() ??
  (spawnSync(EMULATOR, ['-version']).status === 0 ? undefined : `${EMULATOR} not found`);

/** Runs an arm64 program of the set, or of a build directory, as an arm64 kernel would. */
function run(program: string, args: readonly string[] = [], input?: string) {
  const path = program.startsWith('/') ? program : join(set, 'bin', program);
  const { status, stdout, stderr } = spawnSync(EMULATOR, ['-L', LIBRARIES, path, ...args], {
    encoding: 'utf8',
    cwd: '/',
    env: {},
    ...(input === undefined ? {} : { input }),
  });
  return { status, stdout, stderr };
}

describe.skipIf(obstacle !== undefined)(
  `the arm64 set, cross-built and emulated (${obstacle ?? 'compiler and emulator are installed'})`,
  () => {
    beforeAll(() => {
      mkdirSync(set);
      for (const name of ['package.json', 'README.md'])
        copyFileSync(join(packageDirectory(TARGET), name), join(set, name));
      buildSet(TARGET, set, releaseVersion());
    }, 300_000);
    afterAll(() => rmSync(work, { recursive: true }));

    it('is complete, and `file` calls each of its files an ARM aarch64 one', () => {
      expect(setProblems(TARGET, set, releaseVersion())).toEqual([]);
      for (const name of NATIVE_BINARY_NAMES) {
        const said = execFileSync('file', ['-b', join(set, 'bin', name)], { encoding: 'utf8' });
        expect(said, name).toMatch(/^ELF 64-bit LSB .*, ARM aarch64, /);
        expect(said, name).toMatch(/^(?!.*not stripped).*stripped/);
        const isStatic = !['boxlite-krun-shim', 'boxlite-memory', 'krun.node'].includes(name);
        expect(said, name).toMatch(isStatic ? /statically linked/ : /dynamically linked/);
      }
    });

    it('has an agent that refuses to run as anything but the init of a machine', () => {
      expect(run('boxlite-guest').status).toBe(64);
    });

    it('has a probe that names the step that failed', () => {
      const { status, stdout } = run('kvm-probe', ['/dev/no-such-device']);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ step: 'open', errno: 2 });
    });

    it('has a stage B that becomes the command, with its arguments, environment and status', () => {
      // The command is an arm64 program too: what an emulated process executes, the kernel would start natively.
      const { status, stdout } = run('boxlite-stage-b', [
        '--keep-from',
        '10',
        '--',
        '/bin/sh',
        '-c',
        'echo "$0 $1"; exit 7',
        'a',
        'b',
      ]);
      expect({ status, stdout }).toEqual({ status: 7, stdout: 'a b\n' });
      expect(run('boxlite-stage-b', ['--uid']).stderr).toMatch(/^boxlite-stage-b: arguments: /);
    });

    it('has a shim that loads with glibc and refuses a configuration that is none, with the field that is wrong', () => {
      const { status, stderr } = run('boxlite-krun-shim', [], '{"version":1,"colour":"red"}');
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/^boxlite-krun-shim: config: .*colour/);
    });

    it('has a shim that binds the functions of a libkrun and hands it the kernel as a raw Image', () => {
      const library = join(work, 'libkrun.so');
      const source = join(native('vmm-libkrun'), 'test/fixture-libkrun.c');
      execFileSync('aarch64-linux-gnu-gcc', [
        ...['-std=c11', '-D_GNU_SOURCE', '-fPIC', '-shared', '-o', library, source],
      ]);
      const config = shimConfig(
        {
          boxId: 'arm64',
          vcpus: 1,
          memoryMib: 128,
          kernel: '/end/clean',
          commandLine: ['root=/dev/vdb'],
          disks: [{ path: '/disk', format: 'qcow2', readOnly: false }],
          shares: [],
          nics: [],
          agentSocket: '/run/box.sock',
        },
        { library, logLevel: 'warn', tsi: false },
      );
      const { status, stderr } = run('boxlite-krun-shim', [], Buffer.from(config).toString());
      expect({ status, stderr }).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/set_kernel 7 \/end\/clean 0 - .*add_disk2 7 disk0 \/disk 1 0\n/s),
      });
    });

    it('has a supervisor that reads its launch configuration and gets as far as the emulator lets it', () => {
      const box = join(work, 'box');
      for (const name of ['.', 'control', 'sockets', 'logs']) mkdirSync(join(box, name), { recursive: true });
      writeFileSync(join(box, 'shim.stderr'), '');
      const config = encodeLaunchConfig({
        boxId: 'arm64',
        command: { binary: '/bin/true', args: [], env: {}, pidReport: { kind: 'self' } },
        agentSocket: join(box, 'sockets/box.sock'),
        controlDir: join(box, 'control'),
        pidFile: join(box, 'shim.pid'),
        stderrFile: join(box, 'shim.stderr'),
        exitFile: join(box, 'exit'),
        consoleFile: join(box, 'logs/console.log'),
        consoleMaxBytes: 65_536,
        detached: true,
      });
      writeFileSync(join(work, 'config'), config);
      const input = openSync(join(work, 'config'), 'r');
      const { stdout } = spawnSync(EMULATOR, [join(set, 'bin/boxlite-supervisor')], {
        encoding: 'utf8',
        env: {},
        cwd: '/',
        stdio: [input, 'pipe', 'ignore', 'ignore', 'pipe'],
      });
      closeSync(input);
      // QEMU's user mode knows no PR_SET_CHILD_SUBREAPER: every byte of the configuration has been understood by then.
      expect(JSON.parse(stdout)).toMatchObject({ event: 'failed', step: 'session', errno: 22 });
      expect(readdirSync(join(box, 'sockets'))).toEqual([]);
    });

    it('has a supervisor whose parsers do with the same random input what they do on this machine', () => {
      makeNative('supervisor', 'build', ['parsers']);
      makeNative('supervisor', 'build-arm64', ['ARCH=arm64', 'parsers']);
      writeFileSync(join(work, 'launch'), launchWithEverything());
      const args = ['7', '200', join(work, 'launch')];
      const here = execFileSync(join(native('supervisor'), 'build/parsers'), args, { encoding: 'utf8' });
      expect(here).not.toBe('');
      expect(run(join(native('supervisor'), 'build-arm64/parsers'), args)).toEqual({
        status: 0,
        stdout: here,
        stderr: '',
      });
    });

    it.each([
      ['fuzz-request', '5000'],
      ['fuzz-user', '500'],
    ])('has an agent whose parser does so too: %s', (name, count) => {
      makeNative('guest-agent', 'build', ['fuzz-plain']);
      makeNative('guest-agent', 'build-arm64', ['ARCH=arm64', 'fuzz-plain']);
      const args = ['3', count];
      const here = execFileSync(join(native('guest-agent'), `build/${name}-plain`), args, { encoding: 'utf8' });
      expect(here).toMatch(/^[1-9]\d* of \d+ /);
      expect(run(join(native('guest-agent'), `build-arm64/${name}-plain`), args)).toEqual({
        status: 0,
        stdout: here,
        stderr: '',
      });
    });
  },
);

function launchWithEverything(): Uint8Array {
  return encodeLaunchConfig({
    boxId: 'arm64',
    command: {
      binary: '/bin/true',
      args: ['-m', '128M'],
      env: { LANG: 'C' },
      pidReport: { kind: 'bubblewrap', infoFd: 11, blockFd: 12 },
      dataFds: [{ fd: 13, data: Buffer.from([0, 1, 2, 255]) }],
      cgroupDir: '/sys/fs/cgroup/boxlite',
      rlimits: { maxOpenFiles: 1, maxFileSize: 2 },
    },
    agentSocket: '/run/box/sockets/box.sock',
    controlDir: '/run/box/control',
    pidFile: '/run/box/shim.pid',
    stderrFile: '/run/box/shim.stderr',
    exitFile: '/run/box/exit',
    consoleFile: '/run/box/console.log',
    consoleMaxBytes: 65_536,
    detached: false,
    stdin: Buffer.from('config'),
    listeners: [{ fd: 20, path: '/run/qmp.sock' }],
  });
}
