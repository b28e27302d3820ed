import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@boxlite/core';
import { createCompositeSandbox, createJailer, type JailerOptions } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { createSupervisor } from '@boxlite/supervisor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REPOSITORY } from '../support/run-cli.js';

const BUSYBOX = '/bin/busybox';
const SUPERVISOR = `${REPOSITORY}/packages/supervisor/native/build/boxlite-supervisor`;
const NOBODY = 65534;
const isRoot = process.geteuid?.() === 0;
const users: [string, number][] = isRoot
  ? [
      ['root', 0],
      ['an ordinary user', NOBODY],
    ]
  : [['an ordinary user', process.geteuid?.() ?? 0]];

beforeAll(() => {
  execFileSync('make', ['-s', '-C', `${REPOSITORY}/packages/supervisor/native`]);
  execFileSync('make', ['-s', '-C', `${REPOSITORY}/packages/jailer/native`]);
});

const both = () => createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()]);

describe.each(users)('Only the listed descriptors survive, started by %s', (_who, uid) => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync('/var/tmp/boxlite-leaks-');
    for (const name of ['', 'control', 'sockets', 'logs']) {
      if (name !== '') mkdirSync(join(dir, name), { mode: 0o700 });
      if (isRoot) chownSync(join(dir, name), uid, uid);
    }
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** A launcher that leaks: files, a directory and a socket's twin, at low, middling and high numbers, none of them closed by exec. */
  function leakyLauncher(): string {
    const path = join(dir, 'leaky');
    const become = isRoot && uid !== 0 ? `setpriv --reuid=${uid} --regid=${uid} --clear-groups ` : '';
    const leaks = 'exec 5</etc/passwd 9</etc 12>>/dev/null 31</etc/passwd 126</etc 127</etc/passwd 300</etc/passwd';
    writeFileSync(path, `#!/bin/bash\n${leaks}\nexec ${become}${SUPERVISOR}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** A file of the starter's alone that is in no view. */
  function inheritedFile(): string {
    const path = join(dir, 'state');
    writeFileSync(path, 'what was saved', { mode: 0o600 });
    if (isRoot) chownSync(path, uid, uid);
    return path;
  }

  async function descriptorsIn(security: JailerOptions['security'], sandbox: Sandbox = both()): Promise<string[]> {
    const jail = createJailer({
      id: 'leaks',
      sandbox,
      paths: [
        { path: BUSYBOX, writable: false },
        { path: '/proc', writable: true },
      ],
      ...(uid === 0 ? { hostUser: { uid: 2_010_000_321, gid: 2_010_000_321 } } : {}),
      security: { networkEnabled: false, ...security },
    });
    await jail.prepare();
    try {
      // A glob needs no program, and its own descriptor is closed when the names are known.
      const read = `for n in 11 30; do echo "$n holds $(${BUSYBOX} cat <&$n)"; done`;
      const path = inheritedFile();
      const script = `${read}; cd /proc/self/fd; for n in *; do [ -e $n ] && echo "$n $(${BUSYBOX} readlink /proc/1/fd/$n || ${BUSYBOX} readlink /proc/$PPID/fd/$n)"; done`;
      const vm = await createSupervisor({ binary: leakyLauncher() }).launch({
        boxId: 'leaks',
        command: jail.command({ binary: BUSYBOX, args: ['sh', '-c', script], env: {} }),
        listeners: [{ fd: 10, path: join(dir, 'control', 'monitor.sock') }],
        files: [11, 30].map((fd) => ({ fd, path })),
        agentSocket: join(dir, 'sockets', 'box.sock'),
        controlDir: join(dir, 'control'),
        pidFile: join(dir, 'shim.pid'),
        stderrFile: join(dir, 'shim.stderr'),
        exitFile: join(dir, 'exit'),
        consoleFile: join(dir, 'logs', 'console.log'),
        consoleMaxBytes: 65_536,
        detached: false,
      });
      await vm.wait();
      await vm.close();
      return readFileSync(join(dir, 'logs', 'console.log'), 'utf8')
        .trimEnd()
        .split('\n');
    } finally {
      await jail.release();
    }
  }

  it.each([
    ['with the jail', {}, both],
    ['with Landlock alone', {}, createLandlockSandbox],
    ['with the jail off', { jailer: 'off' }, both],
  ] as const)(
    '%s: standard streams, the listener and the files, whatever the launcher had open',
    async (_how, security, sandbox) => {
      const lines = await descriptorsIn(security, sandbox());
      expect(lines.splice(0, 2)).toEqual(['11 holds what was saved', '30 holds what was saved']);
      const numbers = lines.map((line) => line.split(' ')[0] ?? '');
      const expected = ['0', '1', '10', '11', '2', '30'];
      expect(numbers.filter((number) => expected.includes(number))).toEqual(expected);
      // The shell opens the directory it lists while it lists it.
      expect(numbers.length).toBeLessThanOrEqual(expected.length + 1);
      expect(lines).not.toContainEqual(expect.stringMatching(/passwd|\/etc|user:/));
    },
  );
});
