import type { ExitRecord, Jail, RunningVm } from '@boxlite/core';
import type { AgentClient } from '@boxlite/guest-agent';

/** This process's connection to a running box. */
export interface LiveBox {
  readonly vm: RunningVm;
  readonly agent: AgentClient;
  /** In the process that started it. */
  readonly jail?: Jail;
}

/**
 * How the VM ends, asked for only once the connection has ended: an outstanding `wait()` would keep Node's event loop alive as long as the box
 * runs, also in a program that has nothing more to do.
 * @throws BoxliteError `agent_unavailable` when this side closed the connection
 */
export function endOf(vm: RunningVm): Promise<ExitRecord> {
  return new Promise((resolve, reject) => {
    vm.channel.onClose(() => {
      vm.wait().then(resolve, reject);
    });
  });
}
