import type { Supervisor } from '@boxlite/core';
import { connectSupervisor } from './connect-supervisor.js';
import { launchSupervisor } from './launch-supervisor.js';
import { SpareSupervisor } from './spare-supervisor.js';
import { supervisorBinaryPath } from './supervisor-binary-path.js';

/** Settings of {@link createSupervisor}. */
export interface SupervisorOptions {
  /** The supervisor program. Default: {@link supervisorBinaryPath}. */
  readonly binary?: string;
  /**
   * Keep a supervisor ready for the next box, once two have been launched and half a second has gone by since the last call of `busy()`, until `end()` is called. Default: false.
   */
  readonly keepsSpare?: boolean;
}

/**
 * Makes the front of the supervisor program. Nothing is spawned or read before `launch` or `connect` is called.
 *
 * A box launched with `detached: false` is tied to this process: the operating system tells the supervisor when it ends, however it ends.
 * An open connection keeps Node's event loop alive while something is outstanding on it (`wait`, `stop`, `kill`, an open stream, the agent's
 * hello for whoever listens), and not otherwise.
 */
export function createSupervisor(options: SupervisorOptions = {}): Supervisor {
  const binary = () => options.binary ?? supervisorBinaryPath();
  const spares = options.keepsSpare === true ? new SpareSupervisor(binary) : undefined;
  return {
    launch: async (request, signal) => launchSupervisor(binary(), request, signal, spares),
    connect: (controlDir, signal) => connectSupervisor(controlDir, signal),
    busy: () => spares?.busy(),
    end: () => spares?.end(),
  };
}
