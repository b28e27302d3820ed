import type { ExitRecord, RunningVm } from '@boxlite/core';
import type { AgentClient } from '@boxlite/guest-agent';

/** This process's connection to a running box. */
export interface LiveBox {
  readonly vm: RunningVm;
  readonly agent: AgentClient;
  /** Resolves when the VM is gone. */
  readonly ended: Promise<ExitRecord>;
}
