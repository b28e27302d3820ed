import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const OURS =
  /(^|\/)(qemu-system-[a-z0-9_-]+|bwrap|boxlite-supervisor|boxlite-stage-b|boxlite-landlock|kvm-probe|docker-registry)$/;

/** Processes of the kinds this project starts. A zombie counts: somebody failed to reap it. */
export function boxliteProcesses() {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const executable = program === '' ? '' : readlinkSync(`/proc/${pid}/exe`);
      if (OURS.test(program) || OURS.test(executable)) {
        found.push({ pid: Number(pid), command: [program, ...args].join(' ').slice(0, 200) });
      }
    } catch {
      // It ended while we looked, or belongs to another user: neither is ours to report.
    }
  }
  return found;
}
