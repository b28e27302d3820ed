import { isAbsolute } from 'node:path';
import { BoxliteError, type ErrorCode, type VmmSpec } from '@boxlite/core';
import {
  MAX_COMMAND_LINE_BYTES,
  MAX_DISKS,
  MAX_SOCKET_PATH_BYTES,
  MAX_VCPUS,
  MIN_MEMORY_MIB,
} from './machine-limits.js';

/** A kernel parameter: no blanks, no quotes, nothing that could start another one. */
const KERNEL_PARAMETER = /^[\x21\x23-\x26\x28-\x7e]+$/;

/**
 * Refuses what this VMM cannot run, before anything is spawned.
 * @throws BoxliteError `unsupported` (shares, network cards, too many CPUs or disks), `resource_exhausted` (too little memory to boot),
 * `invalid_argument` (nonsense); `details.field` names the member of the spec
 */
export function checkSpec(spec: VmmSpec): void {
  const { boxId, vcpus, memoryMib } = spec;
  if (spec.shares.length > 0) {
    refuse(
      'unsupported',
      'shares',
      `QEMU cannot share directories yet, box ${boxId} has ${spec.shares.length}`,
      'start the box without volumes',
    );
  }
  if (spec.nics.length > 0) {
    refuse(
      'unsupported',
      'nics',
      `QEMU cannot attach network cards yet, box ${boxId} has ${spec.nics.length}`,
      'start the box without network',
    );
  }
  if (!Number.isInteger(vcpus) || vcpus < 1)
    refuse('invalid_argument', 'vcpus', `${vcpus} is no number of CPUs`, 'give 1 or more');
  // A machine that goes on from a snapshot has its processors already.
  const most = spec.kernelMaxVcpus ?? MAX_VCPUS;
  if (vcpus > most && spec.from === undefined) {
    refuse('unsupported', 'vcpus', `${vcpus} CPUs are more than the guest kernel can use`, `give at most ${most}`);
  }
  if (!Number.isInteger(memoryMib) || memoryMib < 1) {
    refuse(
      'invalid_argument',
      'memoryMib',
      `${memoryMib} is no amount of memory in MiB`,
      `give ${MIN_MEMORY_MIB} or more`,
    );
  }
  if (memoryMib < MIN_MEMORY_MIB) {
    refuse(
      'resource_exhausted',
      'memoryMib',
      `${memoryMib} MiB are too little for the guest kernel to boot`,
      `give at least ${MIN_MEMORY_MIB} MiB`,
    );
  }
  if (spec.disks.length > MAX_DISKS) {
    refuse(
      'unsupported',
      'disks',
      `${spec.disks.length} disks are more than the machine has slots for`,
      `attach at most ${MAX_DISKS}`,
    );
  }
  checkPaths(spec);
  checkCommandLine(spec.commandLine);
}

function checkPaths(spec: VmmSpec): void {
  checkPath('kernel', spec.kernel);
  if (spec.initrd !== undefined) checkPath('initrd', spec.initrd);
  if (spec.from !== undefined) {
    checkPath('from.memory', spec.from.memory);
    checkPath('from.state', spec.from.state);
  }
  checkPath('agentSocket', spec.agentSocket);
  if (Buffer.byteLength(spec.agentSocket) > MAX_SOCKET_PATH_BYTES) {
    refuse(
      'invalid_argument',
      'agentSocket',
      `the socket path ${spec.agentSocket} is too long`,
      `use at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    );
  }
  for (const [index, { path, format }] of spec.disks.entries()) {
    checkPath(`disks[${index}].path`, path);
    if (format !== 'raw' && format !== 'qcow2') {
      refuse(
        'invalid_argument',
        `disks[${index}].format`,
        `${JSON.stringify(format)} is no disk format`,
        'give "raw" or "qcow2"',
      );
    }
  }
}

function checkPath(field: string, path: string): void {
  if (!isAbsolute(path) || path.includes('\0')) {
    refuse(
      'invalid_argument',
      field,
      `${field} ${JSON.stringify(path)} is not an absolute path`,
      'give an absolute path',
    );
  }
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
    refuse(
      'invalid_argument',
      'commandLine',
      'the kernel command line is too long',
      `use at most ${MAX_COMMAND_LINE_BYTES} bytes`,
    );
  }
}

function refuse(code: ErrorCode, field: string, message: string, hint: string): never {
  throw new BoxliteError(code, message, { hint, details: { field } });
}
