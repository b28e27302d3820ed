import type { VmmSpec } from '@boxlite/core';
import { checkDevices } from './check-devices.js';
import { checkPaths } from './check-paths.js';
import { DEFAULT_KERNEL_MAX_VCPUS, MAX_COMMAND_LINE_BYTES, MIN_MEMORY_MIB } from './machine-limits.js';
import { refuse } from './refuse.js';

/** A kernel parameter: no blanks, no quotes, nothing that could start another one. */
const KERNEL_PARAMETER = /^[\x21\x23-\x26\x28-\x7e]+$/;

/** What of the host and the kernel a spec is checked against. */
export interface SpecLimits {
  /** Processors the guest kernel can use; default: what the kernel's source says, else {@link DEFAULT_KERNEL_MAX_VCPUS}. */
  readonly kernelMaxVcpus?: number | undefined;
  /** As `process.arch`: decides how many devices fit. */
  readonly arch: string;
}

/**
 * Refuses what no libkrun can run, before anything is spawned.
 * @throws BoxliteError `unsupported` (too many CPUs or devices, an initial RAM disk, a snapshot), `resource_exhausted` (too little memory to boot),
 * `invalid_argument` (nonsense); `details.field` names the member of the spec
 */
export function checkSpec(spec: VmmSpec, limits: SpecLimits): void {
  const { vcpus, memoryMib } = spec;
  if (!Number.isInteger(vcpus) || vcpus < 1) {
    refuse('invalid_argument', 'vcpus', `${vcpus} is no number of CPUs`, 'give 1 or more');
  }
  const most = limits.kernelMaxVcpus ?? spec.kernelMaxVcpus ?? DEFAULT_KERNEL_MAX_VCPUS;
  if (vcpus > most) {
    refuse(
      'unsupported',
      'vcpus',
      `${vcpus} CPUs are more than the ${most} the guest kernel can use`,
      `give at most ${most}`,
    );
  }
  if (!Number.isInteger(memoryMib) || memoryMib < 1) {
    const hint = `give ${MIN_MEMORY_MIB} or more`;
    refuse('invalid_argument', 'memoryMib', `${memoryMib} is no amount of memory in MiB`, hint);
  }
  if (memoryMib < MIN_MEMORY_MIB) {
    refuse(
      'resource_exhausted',
      'memoryMib',
      `${memoryMib} MiB are too little for the guest kernel to boot`,
      `give at least ${MIN_MEMORY_MIB} MiB`,
    );
  }
  if (spec.initrd !== undefined) {
    refuse(
      'unsupported',
      'initrd',
      `a machine of libkrun boots its kernel without an initial RAM disk, box ${spec.boxId} has one`,
      'use a kernel with its drivers built in, or choose another VMM',
    );
  }
  if (spec.from !== undefined) {
    refuse(
      'unsupported',
      'from',
      `a machine of libkrun cannot go on from a snapshot, box ${spec.boxId} is to`,
      'boot the box, or choose the VMM "qemu" and make the snapshot with it',
    );
  }
  checkDevices(spec, limits.arch);
  checkPaths(spec);
  checkCommandLine(spec.commandLine);
}

function checkCommandLine(parameters: readonly string[]): void {
  for (const [index, parameter] of parameters.entries()) {
    if (!KERNEL_PARAMETER.test(parameter)) {
      refuse(
        'invalid_argument',
        `commandLine[${index}]`,
        `${JSON.stringify(parameter)} is no single kernel parameter`,
        'use printable ASCII without blanks and quotes',
      );
    }
  }
  if (parameters.join(' ').length > MAX_COMMAND_LINE_BYTES) {
    const hint = `use at most ${MAX_COMMAND_LINE_BYTES} bytes`;
    refuse('invalid_argument', 'commandLine', 'the kernel command line is too long', hint);
  }
}
