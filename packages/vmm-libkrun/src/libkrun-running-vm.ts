import type { RunningVm, SupervisedVm } from '@boxlite/core';

/**
 * A machine in libkrun, started here or by another process. libkrun offers nothing to a running machine from outside, so its end goes through the guest
 * agent, which the supervisor asks, and after the grace through a signal.
 * @param vm the connection to its supervisor
 */
export function libkrunRunningVm(vm: SupervisedVm): RunningVm {
  return {
    identity: vm.welcome.vmm,
    channel: vm.channel,
    wait: () => vm.wait(),
    stop: (graceMs) => vm.stop(graceMs),
    kill: () => vm.kill(),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}
