import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../errors/to-boxlite-error.js';
import type { ProcessIdentity } from '../ids/process-identity.js';

/** A process as `/proc/<pid>/stat` tells of it (proc(5)). */
interface ProcessEntry extends ProcessIdentity {
  readonly parent: number;
  readonly isZombie: boolean;
}

/** The identity a number has now; undefined when no process has it, or only a dead one nobody has reaped. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const entry = readEntry(pid);
  return entry === undefined || entry.isZombie ? undefined : { pid, startTime: entry.startTime };
}

/** True while this very process runs, not one that got its number. */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  return identityOf(pid)?.startTime === startTime;
}

/** The living descendants of processes, themselves not included. */
export function descendantsOf(pids: readonly number[]): readonly ProcessIdentity[] {
  const entries = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name)) ?? []);
  const found = new Map<number, ProcessEntry>();
  const ancestors = new Set(pids);
  for (let grown = true; grown; ) {
    const next = entries.filter(({ pid, parent }) => ancestors.has(parent) && !ancestors.has(pid));
    for (const entry of next) {
      ancestors.add(entry.pid);
      found.set(entry.pid, entry);
    }
    grown = next.length > 0;
  }
  return [...found.values()].filter(({ isZombie }) => !isZombie).map(({ pid, startTime }) => ({ pid, startTime }));
}

/** What this process has open: number and what it is, such as `17 socket:[123]` or `18 /a/path`. */
export function openDescriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch (thrown) {
      // The descriptor of the listing itself is closed by now.
      if (errnoOf(thrown) === 'ENOENT') return [];
      throw thrown;
    }
  });
}

function readEntry(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; fields are counted behind it, state being field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(fields[1]), startTime: Number(fields[19]), isZombie: 'ZX'.includes(fields[0] ?? '') };
  } catch (thrown) {
    // Gone between two looks, which is the answer.
    if (['ENOENT', 'ESRCH'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}
