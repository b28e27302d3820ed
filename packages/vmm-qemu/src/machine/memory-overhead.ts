import type { Accelerator } from './accelerator.js';
import { TCG_CACHE_MIB } from './qemu-arguments.js';

/** QEMU's own heap, its libraries, and its copy of the kernel image. Measured: see package README, "Memory". */
const BASE_MIB = 64;
/** Thread stack and device queues of one virtual CPU. */
const PER_VCPU_MIB = 4;

/** Host memory of the QEMU process beyond the guest's RAM, in MiB. */
export function memoryOverheadMib(accelerator: Accelerator, vcpus: number): number {
  return BASE_MIB + PER_VCPU_MIB * vcpus + (accelerator === 'tcg' ? TCG_CACHE_MIB : 0);
}
