import type { Supervisor } from '@boxlite/core';
import { connectSupervisor } from './connect-supervisor.js';
import { launchSupervisor } from './launch-supervisor.js';
import { supervisorBinaryPath } from './supervisor-binary-path.js';

/** Settings of {@link createSupervisor}. */
export interface SupervisorOptions {
  /** The supervisor program. Default: {@link supervisorBinaryPath}. */
  readonly binary?: string;
}

/**
 * Makes the front of the supervisor program. Nothing is spawned or read before `launch` or `connect` is called.
 *
 * A box launched with `detached: false` is tied to this process: the operating system tells the supervisor when it ends, however it ends.
 * An open connection keeps Node's event loop alive while something is outstanding on it (`wait`, `stop`, `kill`, an open stream, the agent's
 * hello for whoever listens), and not otherwise.
 */
export function createSupervisor(options: SupervisorOptions = {}): Supervisor {
  return {
    launch: async (request, signal) => launchSupervisor(options.binary ?? supervisorBinaryPath(), request, signal),
    connect: (controlDir, signal) => connectSupervisor(controlDir, signal),
  };
}
