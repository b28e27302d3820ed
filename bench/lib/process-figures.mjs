import { readFileSync } from 'node:fs';

/** What this process has used so far: the peak of its memory in MiB, and processor time of all its threads in seconds. */
export function processFigures() {
  // Not ru_maxrss, which a process inherits from the one that spawned it.
  const [, peakKib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const { user, system } = process.cpuUsage();
  return { peakMib: Number(peakKib) / 1024, cpuSeconds: (user + system) / 1e6 };
}
