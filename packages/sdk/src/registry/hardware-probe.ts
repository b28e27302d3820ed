import type { HardwareProbe } from '@boxlite/core';

/** The KVM probe, loaded when somebody asks it. */
export function createHardwareProbe(): HardwareProbe {
  return {
    async kvm() {
      const { createKvmProbe } = await import('@boxlite/kvm-probe');
      return createKvmProbe().kvm();
    },
  };
}
