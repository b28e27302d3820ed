import type { KvmFacts } from './kvm-facts.js';

/** What macOS's Hypervisor framework can do, which takes the place of KVM there. */
export type HypervisorFrameworkStatus =
  | { readonly state: 'usable' }
  | { readonly state: 'missing' | 'nested-off'; readonly reason: string; readonly remedy: string };

/**
 * Names the state of the Hypervisor framework. `kern.hv_support` is what Apple tells programs to ask (Hypervisor framework, "Overview"); a program
 * also needs the entitlement `com.apple.security.hypervisor`, which only shows when it starts a machine.
 */
export function classifyHypervisorFramework(
  facts: Pick<KvmFacts, 'platform' | 'architecture' | 'cpu' | 'hypervisorFramework'>,
): HypervisorFrameworkStatus {
  if (facts.platform !== 'darwin') {
    return { state: 'missing', reason: 'the Hypervisor framework is a part of macOS', remedy: 'use KVM on Linux' };
  }
  if (facts.hypervisorFramework === true) return { state: 'usable' };
  if (facts.cpu.isGuest) {
    return {
      state: 'nested-off',
      reason: 'this macOS is a virtual machine without virtualisation of its own (kern.hv_support is 0)',
      remedy:
        'run on the Mac itself, or on an M3 or later with macOS 15 and nested virtualisation enabled for the machine',
    };
  }
  return {
    state: 'missing',
    reason: 'this Mac has no support for virtual machines (kern.hv_support is 0)',
    remedy: 'use a Mac of 2010 or later (Intel) or with Apple silicon, with macOS 11 or later',
  };
}
