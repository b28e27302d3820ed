import type { GuestKernel, VmmSpec } from '@boxlite/core';
import { choosingFor } from '../registry/plugin-origins.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { sharesOf } from './shares.js';
import { required, type StartContext } from './start-context.js';

/** Where package rootfs puts the agent in the guest rootfs (spec section 3). */
const AGENT_IN_GUEST = '/boxlite/bin/boxlite-guest';

/** What a machine is made of. */
export interface MachineParts
  extends Pick<StartContext, 'record' | 'box' | 'options' | 'disk' | 'guestRootfsPath' | 'shares'> {
  readonly services: Pick<RuntimeServices, 'showsReadOnly'>;
  readonly kernel?: Pick<GuestKernel, 'path' | 'initrd' | 'maxVcpus'>;
}

/** The machine of a box, from what the stages before have made. */
export async function machineSpec(context: MachineParts): Promise<VmmSpec> {
  const { box, options } = context;
  const { path: kernel, initrd, maxVcpus } = required(context, 'kernel');
  const disk = required(context, 'disk');
  const shares = required(context, 'shares');
  return {
    boxId: box.id,
    vcpus: options.cpus,
    memoryMib: options.memoryMib,
    kernel,
    ...(initrd === undefined ? {} : { initrd }),
    ...(maxVcpus === undefined ? {} : { kernelMaxVcpus: maxVcpus }),
    commandLine: ['root=/dev/vdb', 'ro', 'rootfstype=ext4', `init=${AGENT_IN_GUEST}`],
    disks: [
      { path: disk.path, format: disk.format, readOnly: false },
      { path: required(context, 'guestRootfsPath'), format: 'raw', readOnly: true },
    ],
    shares: sharesOf(shares, shares.some(({ readOnly }) => readOnly) && (await showsReadOnly(context))),
    nics: [],
    agentSocket: box.agentSocket,
    ...(isFiltered(options.security) ? {} : { unfiltered: true }),
  };
}

/** Certain only where a jail is demanded, and its filter with it. */
function isFiltered({ jailer, jailerEnabled, seccomp, seccompEnabled }: StartContext['options']['security']): boolean {
  const isJailed = (jailer ?? 'required') === 'required' && jailerEnabled !== false;
  return isJailed && seccomp !== 'off' && seccompEnabled !== false;
}

function showsReadOnly({ services, record, options }: MachineParts): Promise<boolean> {
  return choosingFor(record, 'sandbox', () => services.showsReadOnly(options));
}
