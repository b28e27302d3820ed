import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity } from '@boxlite/core';
import { isAlive, processIdentity } from '@boxlite/layout';
import { parsePidRecord } from '@boxlite/supervisor';

/** Everything that runs on the host for one box. */
export interface BoxProcesses {
  readonly supervisor: ProcessIdentity;
  readonly bubblewrap: ProcessIdentity;
  readonly vmm: ProcessIdentity;
}

/** The processes of a running box, from its pid record. */
export async function processesOfBox(home: string, id: string): Promise<BoxProcesses> {
  const record = parsePidRecord(await readFile(join(home, 'boxes', id, 'shim.pid'), 'utf8'));
  if (record === undefined) throw new Error(`box ${id} has no pid record`);
  const bubblewrap = processIdentity(parentOf(record.vmm.pid));
  if (bubblewrap === undefined) throw new Error(`the VMM of box ${id} has no parent`);
  return { ...record, bubblewrap };
}

/**
 * Waits, bounded, until none of them runs; nobody is told of the end of processes that are not children.
 * @returns milliseconds it took; undefined when some are still there after `limitMs`
 */
export async function timeUntilGone(processes: BoxProcesses, limitMs = 10_000): Promise<number | undefined> {
  const begin = performance.now();
  while (Object.values(processes).some(isAlive)) {
    if (performance.now() - begin > limitMs) return undefined;
    await delay(5);
  }
  return performance.now() - begin;
}

export function living(processes: BoxProcesses): readonly string[] {
  return Object.entries(processes).flatMap(([name, identity]) => (isAlive(identity) ? [name] : []));
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
