import type { JailLayer } from './jail-layer.js';

/** What tells a file from every other one of this machine as long as it exists: `st_dev` and `st_ino` (stat(2)), decimal. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
}

/** One path the confined command may see. Granted only if it exists when the sandbox is applied. */
export interface PathAccess {
  readonly path: string;
  readonly writable: boolean;
  /**
   * The file that was meant, where somebody else may put another in its place until it is shown. Whatever confines the command compares it with
   * what the command would see, and ends the start (step `identity`) when it is another file or none.
   */
  readonly identity?: FileIdentity;
  /** False: nothing of it may be executed, where the sandbox can hold that. Absent: what may be written may not, the rest may. */
  readonly executable?: false;
}

/**
 * Limits of the confined command with everything it starts. Undefined means no limit of that kind; sizes in bytes. What holds each of them:
 * open files, file size and CPU time the process's own limits, everything else its cgroup.
 */
export interface ResourceLimits {
  readonly maxOpenFiles?: number;
  readonly maxFileSize?: number;
  /** Processes and threads. Only ever a cgroup's limit: the process's own one counts all processes of the user. */
  readonly maxProcesses?: number;
  readonly maxMemory?: number;
  /** From here on the kernel takes memory back and slows the command down, before `maxMemory` ends it. */
  readonly memoryHigh?: number;
  /** How much of its memory the host may swap out. */
  readonly maxSwap?: number;
  /** Seconds of CPU time. */
  readonly maxCpuTime?: number;
  /** Processors it may use at a time, also a fraction. */
  readonly cpuQuota?: number;
  /** Its share of busy processors, 1 to 10 000, beside neighbours that have 100 by default. */
  readonly cpuWeight?: number;
  /** Its share of a busy disk, 1 to 10 000, beside neighbours that have 100 by default. */
  readonly ioWeight?: number;
  readonly ioReadBytesPerSecond?: number;
  readonly ioWriteBytesPerSecond?: number;
}

/** The limits a process carries itself; `maxMemory` is the size of its address space. */
export type ProcessLimits = Pick<ResourceLimits, 'maxOpenFiles' | 'maxFileSize' | 'maxMemory' | 'maxCpuTime'>;

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
  /**
   * A user namespace made outside, on this descriptor of the spawned process, and only for a sandbox that says it joins one. It makes none of its own then,
   * builds its view as the user it is there, with every parent of a granted path open to others, and leaves the command CAP_DAC_READ_SEARCH to find its
   * way. The command becomes `runAs` itself; what holds it stays that user.
   */
  readonly userNamespace?: { readonly fd: number };
  /**
   * Whoever starts the sandbox mounts everything of the view as one tree over `/tmp`, in a namespace of its own, as the records say that the sandbox
   * leaves on this descriptor of the spawned process; the sandbox binds the tree as its root. Only for a sandbox that says it takes one.
   */
  readonly viewTree?: { readonly fd: number };
  readonly resourceLimits: ResourceLimits;
  /** False: the command must have no network but its unix sockets. */
  readonly networkEnabled: boolean;
  /**
   * True: a sandbox around this one builds the view, so that masked paths, links, the ids, a private `/tmp` and a read-only path below a writable
   * one are its business. Set by a composite for its inner members.
   */
  readonly insideView?: true;
  /**
   * A writable path for the command's temporary files: where TMPDIR, TMP and TEMP point in a sandbox whose view has no `/tmp` of its own. One that
   * has needs not look at it.
   */
  readonly temporaryDirectory?: string;
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
  /**
   * The command hands over a listener for refused system calls (seccomp_unotify(2)) on this descriptor, one end of a unix socket pair the supervisor
   * makes. The supervisor records the first call it is told of, by its name in `names`, and kills the command. For a diagnosis run.
   */
  readonly syscallReport?: { readonly fd: number; readonly names: ReadonlyMap<number, string> };
  /** cgroup v2 directory the child joins before exec (stage A); absent where there is none. */
  readonly cgroupDir?: string;
  /** Resource limits set before exec (stage A). */
  readonly rlimits?: ProcessLimits;
}

/**
 * The platform part of a jail, what a plugin implements.
 *
 * `isAvailable()` is called once before a box is started; it may spawn a probe and must leave nothing behind.
 * `setup(context)` is called before each spawn: preflight and cgroup. It throws BoxliteError `sandbox_unavailable` with the remedy when
 * the sandbox cannot confine this context. `apply(context, command)` is pure with respect to the host: it never refuses, also for
 * a binary that does not exist yet. `teardown(context)`, if present, removes what `setup` made once the command has ended; it is called by the process
 * that called `setup`, and not at all when that one is gone by then, so what is left must be found by the next `setup`.
 */
export interface Sandbox {
  readonly name: string;
  /** Programs of its own that `apply` puts before a command: a sandbox around this one must show them, for reading. Absolute paths. */
  readonly programs?: readonly string[];
  /** Present: it builds a view, a root of its own that holds only what was granted. */
  readonly buildsView?: true;
  /**
   * Present: what is granted for reading is read-only for every operation through it, also for metadata, and also below what may be written. Without it
   * nobody relies on that: a list of permitted calls or accesses (Landlock) leaves modes and times to whoever owns the files.
   */
  readonly readOnlyMounts?: true;
  /** Present: the ids it gives a command are the host's, so that the command of an ordinary user keeps that user's, and root's files are for root. */
  readonly givesHostIds?: true;
  /** Present: it can join a user namespace made outside ({@link SandboxContext.userNamespace}). */
  readonly joinsUserNamespace?: true;
  /** Present: it can show a tree of mounts made outside ({@link SandboxContext.viewTree}), by the records of `@boxlite/jailer`'s native/hand-over. */
  readonly takesViewTree?: true;
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
