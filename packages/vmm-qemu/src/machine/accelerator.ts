import { BoxliteError, type HardwareProbe } from '@boxlite/core';

/** What executes the guest: the processor (KVM) or QEMU's translator (TCG). */
export type Accelerator = 'kvm' | 'tcg';

/** An accelerator and what is needed to use it well. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Why it was chosen, for people. */
  readonly reason: string;
  /** With TCG: frequency of the host's time stamp counter, which is also the guest's. */
  readonly tscKhz?: number;
}

/**
 * @param wanted `auto` takes KVM where it is usable, else TCG
 * @throws BoxliteError `vmm_unavailable` when KVM is demanded and not usable, with the probe's remedy
 */
export async function chooseAccelerator(
  wanted: Accelerator | 'auto',
  hardware: HardwareProbe,
): Promise<AcceleratorChoice> {
  if (wanted !== 'tcg') {
    const status = await hardware.kvm();
    if (status.state === 'usable') return { accelerator: 'kvm', reason: 'KVM is usable' };
    if (wanted === 'kvm') {
      throw new BoxliteError('vmm_unavailable', `QEMU with KVM was asked for, but: ${status.reason}`, {
        hint: status.remedy,
        details: { field: 'accelerator', state: status.state },
      });
    }
    return translated(status.reason, hardware);
  }
  return translated('chosen', hardware);
}

async function translated(reason: string, hardware: HardwareProbe): Promise<AcceleratorChoice> {
  const tscKhz = await hardware.tscKhz?.();
  return { accelerator: 'tcg', reason, ...(tscKhz === undefined ? {} : { tscKhz }) };
}
