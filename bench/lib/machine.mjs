import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures depend on beside the code. */
export function describeMachine() {
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryMib: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    qemu: versionOf('qemu-system-x86_64', ['--version']),
    bubblewrap: versionOf('bwrap', ['--version']),
    commit: versionOf('git', ['-C', new URL('.', import.meta.url).pathname, 'rev-parse', '--short', 'HEAD']),
    load: currentLoad(),
  };
}

/** Load averages of 1, 5 and 15 minutes: above the number of cores, times are of little worth. */
export function currentLoad() {
  return loadavg().map((value) => Number(value.toFixed(2)));
}

function versionOf(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n', 1)[0];
  } catch {
    return 'not installed'; // The benches that need it say so themselves.
  }
}
