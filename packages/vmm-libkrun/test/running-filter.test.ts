import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shimConfig } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildNative } from './support/native-build.js';

const POLICY = new URL('../policy/libkrun-running.policy', import.meta.url);

/** Numbers of asm/unistd.h on x86-64 and arm64, and arguments that name what the line is about and are refused by the kernel if it gets that far. */
const CALLS: Record<string, { x64: number; arm64: number; killed: number[][]; allowed?: number[][] }> = {
  execve: { x64: 59, arm64: 221, killed: [[]] },
  execveat: { x64: 322, arm64: 281, killed: [[]] },
  mmap: {
    x64: 9,
    arm64: 222,
    killed: [
      [0, 4096, 5, 0x22],
      [0, 4096, 7, 0x22],
    ],
    allowed: [[0, 4096, 3, 0x22]],
  },
  mprotect: { x64: 10, arm64: 226, killed: [[0, 4096, 4]], allowed: [[1, 4096, 3]] },
  pkey_mprotect: { x64: 329, arm64: 288, killed: [[]] },
  seccomp: { x64: 317, arm64: 277, killed: [[1]] },
  prctl: {
    x64: 157,
    arm64: 167,
    killed: [
      [38, 1],
      [22, 2],
      [4, 1],
    ],
    allowed: [
      [15, 1],
      [16, 1],
    ],
  },
};
const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';

let directory: string;
let shim: string;
let fixture: string;
let underFilter: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'boxlite-running-'));
  shim = `${buildNative('shim')}boxlite-krun-shim`;
  fixture = `${buildNative('fixtures')}fixture-libkrun.so`;
  underFilter = join(directory, 'under-filter');
  const source = fileURLToPath(new URL('../native/test/under-filter.c', import.meta.url));
  execFileSync('gcc', ['-Wall', '-Wextra', '-Werror', '-O1', '-o', underFilter, source]);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Lets a running machine, played by the fixture, make one call. */
function callWhileRunning(name: string, args: readonly number[], { by = 'call', jailed = true } = {}) {
  const call = CALLS[name];
  if (call === undefined) throw new Error(`the test knows no ${name}`);
  const words = [call[architecture], ...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
  const kernel = `/end/${by}/${words.map((word) => word.toString(16)).join(',')}`;
  const machine = {
    ...{ boxId: 'box', vcpus: 1, memoryMib: 64, kernel, commandLine: [], disks: [], shares: [], nics: [] },
    agentSocket: '/run/box.sock',
  };
  const input = shimConfig(machine, { library: fixture, logLevel: 'warn', tsi: false });
  const command = jailed ? [underFilter, shim] : [shim];
  const { status, signal, stderr } = spawnSync(command[0] ?? '', command.slice(1), {
    input,
    env: {},
    encoding: 'utf8',
  });
  return { status, signal, stderr };
}

describe('the second filter of the shim, on while the machine runs', () => {
  it('refuses what its policy file lists, and the test knows every line of it', () => {
    const lines = readFileSync(POLICY, 'utf8').split('\n');
    const names = lines.flatMap((line) => /^([a-z_0-9]+)(\(.*\))? -> kill$/.exec(line)?.[1] ?? []);
    const others = lines.filter((line) => line !== '' && !/^(#|policy |[a-z_0-9]+(\(.*\))? -> kill$)/.test(line));
    expect({ names: names.sort(), others }).toEqual({ names: Object.keys(CALLS).sort(), others: [] });
  });

  const killed = Object.entries(CALLS).flatMap(([name, { killed: all }]) => all.map((args) => [name, args] as const));
  it.each(killed)('%s with %j kills the process by SIGSYS, also in a thread from before it was on', (name, args) => {
    for (const by of ['call', 'thread-call']) {
      const { signal, stderr } = callWhileRunning(name, args, { by });
      expect(signal, stderr).toBe('SIGSYS');
      expect(stderr).toContain('start_enter');
      expect(stderr).not.toContain('called:');
    }
  });

  const allowed = Object.entries(CALLS).flatMap(([name, { allowed: all = [] }]) =>
    all.map((args) => [name, args] as const),
  );
  it.each(allowed)('%s with %j is left to the first', (name, args) => {
    expect(callWhileRunning(name, args)).toMatchObject({ status: 0, stderr: expect.stringContaining('called: ') });
  });

  it('is not there for a process that is under no filter at all: somebody chose that', () => {
    expect(callWhileRunning('execve', [], { jailed: false })).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('called: Bad address'),
    });
  });
});
