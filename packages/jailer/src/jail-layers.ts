import {
  JAIL_LAYER_NAMES,
  type JailLayer,
  type JailLayerName,
  type ProcessLimits,
  type ResourceLimits,
} from '@boxlite/core';
import type { CgroupOutcome } from './cgroup/cgroup-controller.js';

/** Layers the other platform has. */
const FOREIGN: Readonly<Record<'linux' | 'darwin', readonly JailLayerName[]>> = {
  linux: ['seatbelt'],
  darwin: ['cgroup', 'namespaces', 'landlock', 'seccomp'],
};

/**
 * Every layer of this platform once, in the order of {@link JAIL_LAYER_NAMES}. What a sandbox says of a layer goes before what the jailer says; one
 * that nobody speaks of is not there.
 */
export function jailLayers(
  own: readonly JailLayer[],
  ofSandbox: readonly JailLayer[],
  platform: NodeJS.Platform = process.platform,
): readonly JailLayer[] {
  const foreign = FOREIGN[platform === 'darwin' ? 'darwin' : 'linux'];
  return JAIL_LAYER_NAMES.filter((name) => !foreign.includes(name)).map((name) => {
    const layer = [...ofSandbox, ...own].find((candidate) => candidate.name === name);
    if (layer === undefined) return { name, state: 'inactive', detail: 'nothing here provides it' };
    return { name, state: layer.state, detail: oneLine(layer.detail) };
  });
}

/** The supervisor sees to it in stage A, with every command. */
export const DESCRIPTORS_LAYER: JailLayer = {
  name: 'descriptors',
  state: 'active',
  detail: 'standard streams and what was handed over; everything else is closed',
};

/** @param limits what stage A sets, besides forbidding core files */
export function rlimitsLayer(limits: ProcessLimits): JailLayer {
  const { maxOpenFiles, maxFileSize, maxMemory, maxCpuTime } = limits;
  const parts = [
    ...(maxOpenFiles === undefined ? [] : [`${maxOpenFiles} open files`]),
    ...(maxFileSize === undefined ? [] : [`files of ${size(maxFileSize)}`]),
    ...(maxMemory === undefined ? [] : [`${size(maxMemory)} of address space, as no cgroup holds its memory`]),
    ...(maxCpuTime === undefined ? [] : [`${maxCpuTime} s of CPU time`]),
    'no core files',
  ];
  return { name: 'rlimits', state: 'active', detail: parts.join(', ') };
}

/** `partial`: a limit that was wanted is not held. */
export function cgroupLayer(limits: ResourceLimits, { cgroupDir, enforced, degradations }: CgroupOutcome): JailLayer {
  const held = [
    ...(enforced.memory ? memoryWords(limits) : []),
    ...(enforced.processes ? [`${limits.maxProcesses} processes`] : []),
    ...(enforced.cpu === true ? cpuWords(limits) : []),
    ...(enforced.io === true ? ioWords(limits) : []),
  ];
  if (cgroupDir === undefined) {
    return { name: 'cgroup', state: 'inactive', detail: degradations.join('; ') || 'there is no cgroup' };
  }
  const detail = [held.join(', ') || 'no limits', 'ended as a whole', ...degradations].join('; ');
  return { name: 'cgroup', state: degradations.length === 0 ? 'active' : 'partial', detail };
}

function memoryWords({ maxMemory, maxSwap }: ResourceLimits): string[] {
  const memory = maxMemory === undefined ? [] : [`${size(maxMemory)} of memory`];
  return [...memory, ...(maxSwap === undefined ? [] : [maxSwap === 0 ? 'no swap' : `${size(maxSwap)} of swap`])];
}

function cpuWords({ cpuQuota, cpuWeight }: ResourceLimits): string[] {
  const quota = cpuQuota === undefined ? [] : [`${cpuQuota} processors`];
  return [...quota, ...(cpuWeight === undefined ? [] : [`CPU weight ${cpuWeight}`])];
}

function ioWords({ ioReadBytesPerSecond: read, ioWriteBytesPerSecond: write, ioWeight }: ResourceLimits): string[] {
  return [
    ...(read === undefined ? [] : [`reads of ${size(read)}/s`]),
    ...(write === undefined ? [] : [`writes of ${size(write)}/s`]),
    ...(ioWeight === undefined ? [] : [`I/O weight ${ioWeight}`]),
  ];
}

function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${units[unit]}`;
}

/** Reasons hold paths and words of the host. */
function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').trim();
}
