/** The shim, libkrun, its threads and their queues. Measured: see package README, "Memory". */
const BASE_MIB = 24;
/** Thread stack and state of one virtual CPU. */
const PER_VCPU_MIB = 2;
/** Buffers and handles of the process behind one share. */
const PER_SHARE_MIB = 4;

/** Host memory of the VMM process beyond the guest's RAM, in MiB. */
export function memoryOverheadMib(spec: { readonly vcpus: number; readonly shares: readonly unknown[] }): number {
  return BASE_MIB + PER_VCPU_MIB * spec.vcpus + PER_SHARE_MIB * spec.shares.length;
}
