import type { ResourceLimits } from '@boxlite/core';

/** What a group can hold, in the words of people. */
export type CgroupLimitName = 'memory' | 'processes' | 'cpu' | 'io';

/** One file to write in a box's group. */
export interface CgroupKnob {
  readonly controller: 'memory' | 'pids' | 'cpu' | 'io';
  readonly limit: CgroupLimitName;
  readonly file: string;
  /** One write each. */
  readonly values: readonly string[];
  /** False for one that only helps: failing to write it costs no limit. */
  readonly required: boolean;
}

/** What the host is, as far as limits depend on it. */
export interface CgroupHost {
  /** Processors. */
  readonly cpus: number;
  /** Whole disks, `major:minor`, whose traffic the io limits are about. */
  readonly disks: readonly string[];
}

/** The kernel starts reclaiming at this share of the limit, before the killer steps in (reference 6.5). */
const MEMORY_HIGH_SHARE = 0.9;
/** Of cpu.max, in microseconds; the kernel's own default. */
const CPU_PERIOD_US = 100_000;

/** The group's settings for a set of limits (kernel Documentation/admin-guide/cgroup-v2). */
export function cgroupKnobs(limits: ResourceLimits, host: CgroupHost): readonly CgroupKnob[] {
  return [...memoryKnobs(limits), ...processKnobs(limits), ...cpuKnobs(limits, host), ...ioKnobs(limits, host)];
}

function memoryKnobs({ maxMemory, memoryHigh, maxSwap }: ResourceLimits): CgroupKnob[] {
  const knob = (file: string, value: number, required: boolean): CgroupKnob => ({
    ...{ controller: 'memory', limit: 'memory' },
    ...{ file, values: [String(value)], required },
  });
  const high = memoryHigh ?? (maxMemory === undefined ? undefined : Math.floor(maxMemory * MEMORY_HIGH_SHARE));
  return [
    ...(high === undefined ? [] : [knob('memory.high', high, memoryHigh !== undefined)]),
    // Absent where the host has no swap, so that there is nothing to limit.
    ...(maxSwap === undefined ? [] : [knob('memory.swap.max', maxSwap, false)]),
    ...(maxMemory === undefined ? [] : [knob('memory.max', maxMemory, true)]),
    // A VMM that lost one of its threads is of no use: all or nothing.
    ...(maxMemory === undefined ? [] : [knob('memory.oom.group', 1, false)]),
  ];
}

function processKnobs({ maxProcesses }: ResourceLimits): CgroupKnob[] {
  if (maxProcesses === undefined) return [];
  const values = [String(maxProcesses)];
  return [{ controller: 'pids', limit: 'processes', file: 'pids.max', values, required: true }];
}

function cpuKnobs({ cpuQuota, cpuWeight }: ResourceLimits, { cpus }: CgroupHost): CgroupKnob[] {
  const common = { controller: 'cpu', limit: 'cpu', required: true } as const;
  // A quota of all processors limits nothing, and the kernel would count all the same.
  const quota = cpuQuota === undefined || cpuQuota >= cpus ? undefined : Math.round(cpuQuota * CPU_PERIOD_US);
  return [
    ...(quota === undefined ? [] : [{ ...common, file: 'cpu.max', values: [`${quota} ${CPU_PERIOD_US}`] }]),
    ...(cpuWeight === undefined ? [] : [{ ...common, file: 'cpu.weight', values: [String(cpuWeight)] }]),
  ];
}

function ioKnobs(limits: ResourceLimits, { disks }: CgroupHost): CgroupKnob[] {
  const common = { controller: 'io', limit: 'io', required: true } as const;
  const { ioWeight, ioReadBytesPerSecond: read, ioWriteBytesPerSecond: write } = limits;
  const rates = [...(read === undefined ? [] : [`rbps=${read}`]), ...(write === undefined ? [] : [`wbps=${write}`])];
  const values = disks.map((disk) => `${disk} ${rates.join(' ')}`);
  return [
    ...(rates.length === 0 ? [] : [{ ...common, file: 'io.max', values }]),
    ...(ioWeight === undefined ? [] : [{ ...common, file: 'io.weight', values: [`default ${ioWeight}`] }]),
  ];
}
