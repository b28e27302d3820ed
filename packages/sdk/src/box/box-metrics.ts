import { readFile } from 'node:fs/promises';
import type { BoxRecord } from '@boxlite/core';
import type { StageName, StageTiming } from '../init/pipeline.js';

/** What a handle counts. */
export interface MutableBoxMetrics {
  commandsExecuted: number;
  execErrors: number;
  timings: readonly StageTiming[];
}

/** Figures of one box. Absent ones are not known to this handle or on this host. */
export interface BoxMetrics {
  readonly commandsExecutedTotal: number;
  readonly execErrorsTotal: number;
  /** Milliseconds of each stage of the start this handle made. */
  readonly stagesMs: Readonly<Partial<Record<StageName, number>>>;
  readonly totalStartMs?: number;
  /** Proportional set size of the VMM, guest RAM included, in bytes. */
  readonly memoryBytes?: number;
  /** CPU time of the VMM, in milliseconds. */
  readonly cpuTimeMs?: number;
}

/** Linux USER_HZ, the unit of times in /proc/<pid>/stat (proc(5)); 100 on every architecture supported. */
const CLOCK_TICKS_PER_SECOND = 100;

export async function boxMetrics(record: BoxRecord, counted: MutableBoxMetrics): Promise<BoxMetrics> {
  const { timings } = counted;
  const totalStartMs = Math.max(...timings.map(({ startMs, durationMs }) => startMs + durationMs));
  const vmm = record.state.status === 'running' ? record.state.vmm : undefined;
  const [memoryBytes, cpuTimeMs] = vmm === undefined ? [] : await Promise.all([pss(vmm.pid), cpuTime(vmm.pid)]);
  return {
    commandsExecutedTotal: counted.commandsExecuted,
    execErrorsTotal: counted.execErrors,
    stagesMs: Object.fromEntries(timings.map(({ name, durationMs }) => [name, durationMs])),
    ...(timings.length === 0 ? {} : { totalStartMs }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cpuTimeMs === undefined ? {} : { cpuTimeMs }),
  };
}

async function pss(pid: number): Promise<number | undefined> {
  const text = await procFile(pid, 'smaps_rollup');
  const kib = text === undefined ? undefined : /^Pss:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

async function cpuTime(pid: number): Promise<number | undefined> {
  const text = await procFile(pid, 'stat');
  // Field 2 may contain spaces and parentheses; utime and stime are the 12th and 13th after it.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined) return undefined;
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}

async function procFile(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined; // The VMM ended meanwhile, or its /proc entry is not readable for this user.
  }
}
