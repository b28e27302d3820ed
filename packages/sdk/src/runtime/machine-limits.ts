import type { VmmHandler, VmmSpec } from '@boxlite/core';
import type { ResolvedBoxOptions } from '../options/box-options.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** A qcow2 that is as full as it can be holds its tables too; twice the disk is BoxLite's backstop. */
const FILE_SIZE_PER_DISK_SIZE = 2;
/** What the kernel itself keeps for the VMM: page tables of host and guest, sockets, the cache of the files it reads. */
const KERNEL_MEMORY_MIB = 64;
/** Page tables grow with the memory they map: two levels of them, and the bookkeeping of pages. */
const GUEST_MEMORY_PER_KERNEL_MEMORY = 32;
/** Threads of a VMM beside its virtual CPUs; QEMU alone may have 64 for its disks. Measured: see the package README, "Limits of a machine". */
const BASE_THREADS = 128;
const THREADS_PER_VCPU = 2;
const THREADS_PER_SHARE = 8;
/** The threads of a VMM that serve disks and console run beside the virtual CPUs. */
const SPARE_PROCESSORS = 1;

type Security = ResolvedBoxOptions['security'];
type MachineLimits = Required<Pick<Security, 'maxFileSize' | 'maxProcesses' | 'maxMemory' | 'memoryHigh' | 'cpuQuota'>>;

/**
 * The limits of a machine that was given none: what it was made of, the memory and threads of the VMM itself included, so that one that was taken over
 * has no more of the host than the box was promised. An option that was given stays as it is, also where it says more.
 */
export function machineLimits(
  given: Security,
  { diskSizeGb }: Pick<ResolvedBoxOptions, 'diskSizeGb'>,
  spec: VmmSpec,
  vmm: Pick<VmmHandler, 'memoryOverheadMib'>,
): Partial<MachineLimits> {
  const { vcpus, memoryMib, shares } = spec;
  const used = memoryMib + vmm.memoryOverheadMib(spec);
  const spare = KERNEL_MEMORY_MIB + Math.ceil(memoryMib / GUEST_MEMORY_PER_KERNEL_MEMORY);
  const limits: MachineLimits = {
    maxFileSize: diskSizeGb * FILE_SIZE_PER_DISK_SIZE * GIB,
    maxProcesses: BASE_THREADS + THREADS_PER_VCPU * vcpus + THREADS_PER_SHARE * shares.length,
    maxMemory: (used + spare) * MIB,
    memoryHigh: (used + Math.ceil(spare / 2)) * MIB,
    cpuQuota: vcpus + SPARE_PROCESSORS,
  };
  const { memoryHigh: _ofDefault, ...rest } = limits;
  // Someone's own limit of memory has its own point of slowing down.
  return { ...(given.maxMemory === undefined ? limits : rest), ...definedOnly(given, limits) };
}

function definedOnly(given: Security, limits: MachineLimits): Partial<MachineLimits> {
  const names = Object.keys(limits) as (keyof MachineLimits)[];
  return Object.fromEntries(names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}
