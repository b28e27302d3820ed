import { constants } from 'node:os';
import type { ProbeRun } from './probe-run.js';

/** The only version of the KVM interface there has been since Linux 2.6.22 (Documentation/virt/kvm/api.rst, 4.1). */
export const KVM_API_VERSION = 12;
const EXIT_INTERNAL_ERROR = 17;

/** Says in words how a run of the probe failed. */
export function describeProbeRun(run: ProbeRun): string {
  if (run.step === 'time_limit') return 'test code of a few instructions did not end within its time limit';
  if (run.step === 'guest') {
    const at = Object.entries(run.checks).find(([, passed]) => !passed)?.[0] ?? 'its end';
    const error = run.exitReason === EXIT_INTERNAL_ERROR ? `, internal error ${run.suberror}` : '';
    return `it stopped at "${at}" with exit reason ${run.exitReason}${error}`;
  }
  if (run.step === 'done') {
    return run.apiVersion === KVM_API_VERSION
      ? 'test code gave wrong results'
      : `it speaks version ${run.apiVersion} of the KVM interface, not ${KVM_API_VERSION}`;
  }
  if (run.step === 'create_vm' && run.errno === constants.errno.EBUSY) {
    return "another hypervisor is using the processor's virtualisation";
  }
  return `${run.step} failed with ${errnoName(run.errno)}`;
}

function errnoName(errno: number): string {
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0];
  return name ?? `error ${errno}`;
}
