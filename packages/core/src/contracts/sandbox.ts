import type { JailLayer } from './jail-layer.js';

/** One path the confined command may see. Granted only if it exists when the sandbox is applied. */
export interface PathAccess {
  readonly path: string;
  readonly writable: boolean;
}

/** Limits of the confined process. Undefined means no limit of that kind. Sizes in bytes. */
export interface ResourceLimits {
  readonly maxOpenFiles?: number;
  readonly maxFileSize?: number;
  readonly maxProcesses?: number;
  readonly maxMemory?: number;
  /** Seconds of CPU time. */
  readonly maxCpuTime?: number;
}

/**
 * What a sandbox is told about one box. The optional members refine the view; a sandbox that cannot honour one that is present
 * must refuse in `setup`, never ignore it.
 */
export interface SandboxContext {
  /** The box id; names the cgroup. */
  readonly id: string;
  /** Stable order, de-duplicated, parents before children. */
  readonly paths: readonly PathAccess[];
  /**
   * Hidden last, also where one lies below a path of `paths` (a user volume may contain one). A directory ends with `/`; list only what
   * exists. The deepest rule decides: a path of `paths` that lies below a masked one is visible; where both name the same, it is hidden.
   */
  readonly maskedPaths?: readonly string[];
  /** Symbolic links to make in the view's own `/tmp`, such as the short socket link. */
  readonly symlinks?: readonly { readonly path: string; readonly target: string }[];
  /** Device nodes beyond null, zero, random and urandom: `/dev/kvm`, `/dev/net/tun`. */
  readonly devices?: readonly string[];
  /** The ids the command sees itself as; the sandbox's own choice when absent. */
  readonly runAs?: { readonly uid: number; readonly gid: number };
  readonly resourceLimits: ResourceLimits;
  /** False: the command must have no network but its unix sockets. */
  readonly networkEnabled: boolean;
  /** macOS: a complete SBPL profile to use instead of the generated one. Absolute path. */
  readonly sandboxProfile?: string;
}

/** A command before confinement. `args` excludes the program's own name. */
export interface JailCommand {
  readonly binary: string;
  readonly args: readonly string[];
  /** The complete environment; nothing of the host's is added. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * How the supervisor learns the host pid of the real command when a wrapper forks it.
 * - `self`: the spawned process *is* the command.
 * - `bubblewrap`: the wrapper writes its `--info-fd` JSON (`child-pid`) to `infoFd` and waits on `blockFd`
 *   (`--block-fd`) until the record is on disk. The supervisor makes both pipes at these numbers.
 */
export type PidReport =
  | { readonly kind: 'self' }
  | { readonly kind: 'bubblewrap'; readonly infoFd: number; readonly blockFd: number };

/** A command ready to be spawned by the supervisor. */
export interface ConfinedCommand extends JailCommand {
  readonly pidReport: PidReport;
  /** Bytes to put on inherited file descriptors of the spawned process (seccomp programs, argument lists). */
  readonly dataFds?: readonly { readonly fd: number; readonly data: Uint8Array }[];
  /** cgroup v2 directory the child joins before exec (stage A); absent where there is none. */
  readonly cgroupDir?: string;
  /** Resource limits set before exec (stage A). */
  readonly rlimits?: ResourceLimits;
}

/**
 * The platform part of a jail, what a plugin implements.
 *
 * `isAvailable()` is called once before a box is started; it may spawn a probe and must leave nothing behind.
 * `setup(context)` is called before each spawn: preflight and cgroup. It throws BoxliteError `sandbox_unavailable` with the remedy when
 * the sandbox cannot confine this context. `apply(context, command)` is pure with respect to the host: it never refuses, also for
 * a binary that does not exist yet. `teardown(context)`, if present, removes what `setup` made once the box has stopped.
 */
export interface Sandbox {
  readonly name: string;
  isAvailable(): Promise<{ readonly available: boolean; readonly reason?: string; readonly remedy?: string }>;
  setup(context: SandboxContext): Promise<SandboxSetup>;
  apply(context: SandboxContext, command: JailCommand): ConfinedCommand;
  teardown?(context: SandboxContext): Promise<void>;
}

/** What `setup` prepared, and what it could not: each degradation is a sentence for the person (a hybrid cgroup host). */
export interface SandboxSetup {
  readonly cgroupDir?: string;
  readonly degradations: readonly string[];
  /** What this sandbox holds the command with. Absent: a sandbox that says nothing of it. */
  readonly layers?: readonly JailLayer[];
}
