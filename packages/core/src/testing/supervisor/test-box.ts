import type { ConfinedCommand } from '../../contracts/sandbox.js';
import type { SuperviseRequest, Supervisor } from '../../contracts/supervisor.js';

/** A box directory of a case's own. */
export interface SupervisorTestBox extends AsyncDisposable {
  /** Everything of a request but the command; `detached` is false. */
  readonly request: Omit<SuperviseRequest, 'command'>;
  /**
   * Plays a VMM whose guest's agent dials `request.agentSocket` and says hello. `willing` ends with status 0 when it is told to shut down,
   * after the line `bye` on its stdout; `stubborn` ignores that, and SIGTERM.
   */
  agentCommand(kind: 'willing' | 'stubborn'): ConfinedCommand;
}

/** What {@link import('../supervisor-conformance.js').supervisorConformance} works on. */
export interface SupervisorSetup {
  createSupervisor(): Supervisor;
  createBox(): Promise<SupervisorTestBox>;
  /** A POSIX shell; default `/bin/sh`. */
  readonly shell?: string;
  /** Milliseconds after which a case counts as hung; default 45 000. */
  readonly deadlineMs?: number;
}
