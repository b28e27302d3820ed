import { readdirSync, readFileSync } from 'node:fs';

/** True while a process of that number exists and is no zombie. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

/** Processes whose command line contains the text; empty once a test has left nothing behind. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isRunning(pid) && commandLine(pid).includes(text));
}

/** Resolves when the process is gone; the test's own time-out is the bound. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

function statOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // Gone between two looks: the answer, not a failure.
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // As above.
    return '';
  }
}
