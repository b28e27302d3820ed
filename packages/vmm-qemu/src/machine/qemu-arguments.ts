import type { VmmDisk, VmmSnapshot, VmmSpec } from '@boxlite/core';
import { RAM_BLOCK } from '../snapshot/stream-format.js';
import type { AcceleratorChoice } from './accelerator.js';
import { cpuModel } from './cpu-model.js';
import { incomingState } from './incoming-state.js';
import { kernelParameters } from './kernel-parameters.js';

/** The descriptor on which QEMU inherits its monitor's listening socket. */
export const QMP_LISTENER_FD = 10;
/** The name of that listener; the socket is `<name>.sock` where the host puts it. */
export const QMP_LISTENER_NAME = 'qmp';
/**
 * TCG's cache of translated code. QEMU's default is up to 1 GiB, which no memory limit would survive; a boot fills about 30 MiB, and sizes
 * from 32 to 256 start equally fast.
 */
export const TCG_CACHE_MIB = 64;
/** The guest agent finds its port by this name in `/sys/class/virtio-ports`. */
export const AGENT_PORT_NAME = 'agent';

/** What of the host goes into the arguments. */
export interface QemuHostFacts extends AcceleratorChoice {
  /** Where QEMU's firmware was found, if it was. */
  readonly firmwareDir?: string;
  /** Version of the QEMU that made the state a machine goes on from. */
  readonly stateVersion?: string;
  /** False: this QEMU was built without `-sandbox`, and refuses it. Default true. */
  readonly hasSandbox?: boolean;
}

/**
 * QEMU's arguments for a machine, the program's name excluded. Pure.
 *
 * Nothing here is user text but paths, which go into JSON or are escaped; the guest's disks are never probed for their format.
 */
export function qemuArguments(spec: VmmSpec, host: QemuHostFacts): readonly string[] {
  const { from } = spec;
  const isRestored = from !== undefined;
  return [
    ...[
      '-name',
      `guest=${escapeComma(spec.boxId)}`,
      '-no-user-config',
      '-nodefaults',
      '-no-reboot',
      '-display',
      'none',
    ],
    ...(host.firmwareDir === undefined ? [] : ['-L', host.firmwareDir]),
    // Without ACPI QEMU tells the kernel of its devices on the command line, and this kernel has no ACPI. With KVM microvm has no
    // real-time clock by default; a kernel that looks for one then waits for seconds.
    ...[
      '-machine',
      `microvm,acpi=off,x-option-roms=off,isa-serial=off,rtc=on${isRestored ? `,memory-backend=${RAM_BLOCK}` : ''}`,
    ],
    ...[
      '-accel',
      host.accelerator === 'kvm' ? 'kvm' : `tcg,tb-size=${TCG_CACHE_MIB}`,
      '-cpu',
      cpuModel(host.accelerator),
    ],
    ...['-smp', String(spec.vcpus), '-m', `${spec.memoryMib}M`],
    ...(host.hasSandbox === false
      ? []
      : ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny']),
    ...(from === undefined ? bootArguments(spec, host) : restoreArguments(spec.memoryMib, from, host.stateVersion)),
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-object', 'rng-builtin,id=rng', '-device', 'virtio-rng-device,rng=rng'],
    // Memory the guest has freed goes back to the host.
    // Given back pages of a restored machine read as what its snapshot had there: a guest that would rely on zeroes is told to give none back.
    ...['-device', 'virtio-balloon-device,free-page-reporting=on,page-poison=off'],
    ...spec.disks.flatMap(diskArguments),
    ...['-device', 'virtio-serial-device'],
    ...['-chardev', 'stdio,id=console,signal=off', '-device', 'virtconsole,chardev=console'],
    // A restored guest is to see the old link hang up, so the new one is only made when it runs.
    ...['-chardev', isRestored ? 'null,id=agent' : `socket,id=agent,path=${escapeComma(spec.agentSocket)}`],
    ...['-device', `virtserialport,chardev=agent,name=${AGENT_PORT_NAME}`],
    ...['-chardev', `socket,id=qmp,fd=${QMP_LISTENER_FD},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
  ];
}

function bootArguments(spec: VmmSpec, host: QemuHostFacts): readonly string[] {
  return [
    ...['-kernel', spec.kernel, '-append', [...kernelParameters(host, spec.vcpus), ...spec.commandLine].join(' ')],
    ...(spec.initrd === undefined ? [] : ['-initrd', spec.initrd]),
  ];
}

/** Kernel and command line are in the memory already; QEMU would keep a copy of them for a boot that never comes. */
function restoreArguments(
  memoryMib: number,
  { memory }: VmmSnapshot,
  stateVersion: string | undefined,
): readonly string[] {
  return [
    '-object',
    `memory-backend-file,id=${RAM_BLOCK},size=${memoryMib}M,share=off,mem-path=${escapeComma(memory)}`,
    ...incomingState(stateVersion),
    ...['-global', 'migration.x-events=on'],
  ];
}

/** A disk is a file node, a format node over it, and the device; node names cannot clash with a guest's choice. */
function diskArguments(disk: VmmDisk, index: number): readonly string[] {
  const node = `disk${index}`;
  const isReadOnly = { 'read-only': disk.readOnly };
  const block = {
    driver: disk.format,
    'node-name': node,
    ...isReadOnly,
    discard: 'unmap',
    file: { driver: 'file', filename: disk.path, ...isReadOnly, discard: 'unmap' },
  };
  return ['-blockdev', JSON.stringify(block), '-device', `virtio-blk-device,drive=${node}`];
}

/** In QEMU's option strings a comma ends a value unless it is doubled. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}
