import type { ResourceLimits } from '@boxlite/core';

/** One file to write in a box's group. */
export interface CgroupKnob {
  readonly controller: 'memory' | 'pids';
  readonly limit: 'memory' | 'processes';
  readonly file: string;
  readonly value: string;
  /** False for one that only helps: failing to write it costs no limit. */
  readonly required: boolean;
}

/** The kernel starts reclaiming at this share of the limit, before the killer steps in (reference 6.5). */
const MEMORY_HIGH_SHARE = 0.9;

/** The group's settings for a set of limits (kernel Documentation/admin-guide/cgroup-v2). */
export function cgroupKnobs(limits: ResourceLimits): readonly CgroupKnob[] {
  const { maxMemory, maxProcesses } = limits;
  const memory = (file: string, value: number, required: boolean): CgroupKnob => ({
    controller: 'memory',
    limit: 'memory',
    file,
    value: String(value),
    required,
  });
  return [
    ...(maxMemory === undefined
      ? []
      : [
          memory('memory.max', maxMemory, true),
          memory('memory.high', Math.floor(maxMemory * MEMORY_HIGH_SHARE), false),
          // A VMM that lost one of its threads is of no use: all or nothing.
          memory('memory.oom.group', 1, false),
        ]),
    ...(maxProcesses === undefined
      ? []
      : [
          {
            controller: 'pids' as const,
            limit: 'processes' as const,
            file: 'pids.max',
            value: String(maxProcesses),
            required: true,
          },
        ]),
  ];
}
