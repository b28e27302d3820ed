import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARM64_EMULATOR, arm64MachineArguments, arm64MachineFiles } from './arm64-machine.mjs';
import { cpioArchive } from './cpio-archive.mjs';

const TIME_LIMIT_MS = 120_000;
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
sh /script 2>&1
echo "script ended: $?"
poweroff -f
`;

/**
 * Boots an arm64 machine with KVM, runs a script in it as root, and powers it off.
 * @param {string} script for busybox' shell, run in `/`
 * @param {Record<string, Uint8Array | string>} files by path without a leading slash; all may be executed
 * @returns {string} what the script wrote, both streams
 * @throws Error when the script did not end with status 0, with what it wrote
 */
export function runInArm64Machine(script, files) {
  const { kernel, busybox } = arm64MachineFiles();
  const work = mkdtempSync(join(tmpdir(), 'boxlite-arm64-machine-'));
  try {
    const initrd = join(work, 'initrd');
    const directories = ['bin', 'dev', 'proc', 'sys', 'tmp'].map((path) => ({ path }));
    const programs = { init: INIT, script, 'bin/busybox': readFileSync(busybox), ...files };
    const entries = Object.entries(programs).map(([path, content]) => ({ path, content }));
    writeFileSync(initrd, cpioArchive([...directories, { path: 'dev/console', mode: 0o20600 }, ...entries]));
    const { stdout, stderr, error } = spawnSync(
      ARM64_EMULATOR,
      arm64MachineArguments({ kernel, initrd, console: 'stdio', hasKvm: true }),
      { encoding: 'utf8', timeout: TIME_LIMIT_MS, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const written = stdout.replaceAll('\r', '');
    const end = written.indexOf('script ended: 0\n');
    if (end === -1) throw new Error(`the arm64 machine wrote:\n${written}${stderr}${error?.message ?? ''}`);
    return written.slice(0, end);
  } finally {
    rmSync(work, { recursive: true });
  }
}
