import type { ProcessIdentity } from '../ids/process-identity.js';
import type { GuestChannel } from './guest-channel.js';
import type { ConfinedCommand } from './sandbox.js';
import type { InheritedFile } from './vmm-handler.js';

/**
 * How a VMM ended, as written to the box's `exit` file and told to every connected host process. `Clean` is never written as a crash record.
 */
export type ExitRecord =
  | { readonly kind: 'Clean'; readonly reason: 'shutdown' | 'guest' }
  | { readonly kind: 'Error'; readonly code: number; readonly message: string; readonly stderrTail: string }
  | {
      readonly kind: 'Signal';
      readonly signal: number;
      readonly message: string;
      readonly stderrTail: string;
      /** The system call that was refused, in a diagnosis run (`ConfinedCommand.syscallReport`). */
      readonly call?: RefusedCall;
    }
  | { readonly kind: 'Panic'; readonly message: string; readonly stderrTail: string };

/** A system call as the kernel saw it. */
export interface RefusedCall {
  readonly number: number;
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly architecture: number;
  /** Six registers, each as a hexadecimal number with 0x: they have 64 bits. */
  readonly args: readonly string[];
}

/** Everything a supervisor needs to run one VMM. All paths absolute. */
export interface SuperviseRequest {
  readonly boxId: string;
  readonly command: ConfinedCommand;
  /** Written to the VMM's stdin, which then ends. Absent: stdin is empty. */
  readonly stdin?: Uint8Array;
  /** Listening unix sockets handed to the VMM as file descriptors (>= 10): bound outside the jail, so the VMM needs no path. */
  readonly listeners?: readonly { readonly fd: number; readonly path: string }[];
  /** Opened by the supervisor before anything is confined, and handed to the VMM as file descriptors (>= 10). */
  readonly files?: readonly InheritedFile[];
  /** The agent socket: the supervisor listens, the VMM dials once. The short path (layout, "Socket paths"). */
  readonly agentSocket: string;
  /** `control/`: `api.sock` is made here. */
  readonly controlDir: string;
  /** `shim.pid`, written before the VMM runs. */
  readonly pidFile: string;
  /** `shim.stderr`, exists already. */
  readonly stderrFile: string;
  /** `exit`, written only on a crash. */
  readonly exitFile: string;
  /** The VMM's stdout is the guest console; kept here, capped, one rotation (`.1`). */
  readonly consoleFile: string;
  readonly consoleMaxBytes: number;
  /** False: the box is stopped within two seconds of the death of the process that called `launch`. */
  readonly detached: boolean;
}

/** What a host process is told when it connects. */
export interface SupervisorWelcome {
  readonly supervisor: ProcessIdentity;
  readonly vmm: ProcessIdentity;
  readonly detached: boolean;
}

/**
 * A connection to the supervisor of one running box. Any number of processes hold one at the same time.
 *
 * `stop(graceMs)` asks the agent to shut down, kills after the grace, and resolves with the record; `kill()` does not ask.
 * `wait()` resolves when the VMM is gone, however it ended: a lost supervisor is the record `Error` with a message that says so.
 * `close()` only ends this connection (a non-detached box whose launcher closes its last hold is not stopped by it; exit of the process is what counts).
 */
export interface SupervisedVm extends AsyncDisposable {
  readonly welcome: SupervisorWelcome;
  readonly channel: GuestChannel;
  stop(graceMs: number): Promise<ExitRecord>;
  kill(): Promise<ExitRecord>;
  wait(): Promise<ExitRecord>;
  close(): Promise<void>;
}

/**
 * Starts supervisors and finds running ones.
 *
 * A box has one supervisor at a time: a second launch is `supervisor_failed` and leaves the first alone. When the VMM is gone, so are
 * everything it started, the sockets and `shim.pid`; the same holds for a launch that throws, also with `aborted` because of its signal.
 */
export interface Supervisor {
  /**
   * Spawns the supervisor, which spawns the confined VMM. Resolves when the VMM process runs (not when the guest is ready).
   * @throws BoxliteError `vmm_failed` or `supervisor_failed` with the name of the step that failed and the end of stderr
   */
  launch(request: SuperviseRequest, signal?: AbortSignal): Promise<SupervisedVm>;
  /**
   * Connects to the supervisor of a running box.
   * @throws BoxliteError `agent_unavailable` when none serves `controlDir`
   */
  connect(controlDir: string, signal?: AbortSignal): Promise<SupervisedVm>;
  /** A box has been started or used just now: what is made ready for launches to come is not made beside that. */
  busy?(): void;
  /** Gives back what it keeps for launches to come; what runs runs on. */
  end?(): void;
}
