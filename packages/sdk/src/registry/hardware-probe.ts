import type { HardwareProbe } from '@boxlite/core';

/** The KVM probe, loaded when somebody asks it. */
export function createHardwareProbe(): HardwareProbe {
  const probe = async () => (await import('@boxlite/kvm-probe')).createKvmProbe();
  return {
    kvm: async () => (await probe()).kvm(),
    tscKhz: async () => (await probe()).tscKhz?.(),
  };
}
