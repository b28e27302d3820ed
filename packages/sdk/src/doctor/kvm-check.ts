import type { KvmStatus } from '@boxlite/core';
import type { Check } from './check.js';

/** Facts: `state`, and `apiVersion` where it is usable. Without KVM boxes run by software emulation; which VMM can, its own check says. */
export function kvmCheck(status: KvmStatus): Check {
  if (status.state === 'usable') {
    const { state, apiVersion } = status;
    return { id: 'kvm', status: 'ok', detail: 'usable: guest code ran on it', facts: { state, apiVersion } };
  }
  const { state, reason, remedy } = status;
  return { id: 'kvm', status: 'warning', detail: reason, remedy, facts: { state } };
}
