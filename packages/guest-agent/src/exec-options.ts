/** Size of a terminal, in character cells. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** Environment: a record, or `KEY=VALUE` entries of which later ones win. */
export type EnvironmentInput = Readonly<Record<string, string>> | readonly string[];

/** One command to run in the container. */
export interface ExecOptions {
  /** The command and its arguments; the command is looked up in the container's `PATH` unless it has a slash. */
  readonly argv: readonly string[];
  /** Added to the container's environment; wins over it. */
  readonly env?: EnvironmentInput;
  /** Default: the container's working directory. */
  readonly cwd?: string;
  /** `uid`, `uid:gid`, `name` or `name:group`. Default: the container's user. */
  readonly user?: string;
  /** Run on a terminal of this size; stderr is then part of stdout. */
  readonly tty?: TerminalSize;
  /** Whether stdin will be written. Default false: the command reads end-of-file at once (on a terminal stdin is always there). */
  readonly stdin?: boolean;
  /** Milliseconds after which the command gets SIGTERM, and 2 s later SIGKILL. Default: no limit. */
  readonly timeoutMs?: number;
  /** The box's main command: when it has ended, the machine ends. */
  readonly main?: boolean;
}

/** A virtiofs share of the machine and where the container sees it. */
export interface VolumeMount {
  /** The share's virtiofs tag, at most 35 bytes. */
  readonly tag: string;
  /** Absolute and normal, not `/`; made when the image has no such place. */
  readonly destination: string;
  /** Mounted read-only in the guest as well; what enforces it is on the host. */
  readonly readOnly: boolean;
  /** The share holds one file of this name, and that is the volume. Default: the directory is. */
  readonly file?: string;
}

/** What a box is, told once to a machine that has just started. */
export interface InitOptions {
  readonly hostname: string;
  /** The container disk's device in the guest. Default `/dev/vda`. */
  readonly disk?: string;
  /**
   * The size its device must have, in bytes: a machine that continues from a capture may hear of its disk's size later than of this request, and waits
   * (10 s) until it has. Default: whatever it is.
   */
  readonly diskBytes?: number;
  /** The guest's clock is set to it. Default: the time of the call. */
  readonly wallClock?: Date;
  /** Fresh random bytes for the guest's pool, at most 512. Default: 64 bytes of the host's generator. */
  readonly entropy?: Uint8Array;
  /** Environment of every command, as the image and the box set it. */
  readonly env?: EnvironmentInput;
  readonly cwd?: string;
  readonly user?: string;
  /** Contents of `/etc/hosts`. Default: localhost and the host name. */
  readonly hosts?: string;
  /** Contents of `/etc/resolv.conf`. Default: the image's own file stays. */
  readonly resolvConf?: string;
  /** Mounted in this order: parents before what lies in them. */
  readonly volumes?: readonly VolumeMount[];
  /** The container may do whatever the machine can. Default false. */
  readonly privileged?: boolean;
}

/** What is prepared in a machine that is about to be captured for boxes of one image. */
export interface PrepareOptions {
  /** As in `InitOptions`. */
  readonly disk?: string;
  readonly diskBytes?: number;
  /** Files and directories of the image to read into memory, absolute, at most 512; what is not there is passed over. Default: none. */
  readonly paths?: readonly string[];
  /** How much of them is read at most, in bytes. Default 0. */
  readonly readBytes?: number;
}

/** What `prepare` has done. */
export interface PrepareResult {
  /** Microseconds for the disk, growing its file system included. */
  readonly diskUs: number;
  readonly readBytes: number;
  readonly readFiles: number;
}

/** What an init has made, and how long the guest took. Times in microseconds. */
export interface InitResult {
  readonly containerUs: number;
  /** Of that, clock and entropy. */
  readonly machineUs: number;
  /** Of that, mounting the disk. */
  readonly diskUs: number;
  /** Of that, growing its file system to the size of its device; 0 when it filled it. */
  readonly diskGrowthUs: number;
  /** The machine's boot id as the container sees it; empty from an agent that says it in its hello. */
  readonly bootId: string;
}

/** How the container is brought to a standstill. */
export interface QuiesceOptions {
  /** Also write what its file system has in memory to the disk. Default false. */
  readonly sync?: boolean;
  /** Milliseconds its processes may take to stop. Default 2000. */
  readonly timeoutMs?: number;
}

/** What makes a machine that continues from a capture one of its own. */
export interface RenewOptions {
  /** Default: it stays. */
  readonly hostname?: string;
  /** The guest's clock is set to it. Default: the time of the call. */
  readonly wallClock?: Date;
  /** Fresh random bytes, 32 to 512; the kernel's generator is reseeded from them. Default: 64 bytes of the host's generator. */
  readonly entropy?: Uint8Array;
  /** Environment of every later command, instead of what `init` said; then `cwd` and `user` are replaced, too. Default: all three stay. */
  readonly env?: EnvironmentInput;
  /** Only with `env`. */
  readonly cwd?: string;
  /** Only with `env`. */
  readonly user?: string;
  /** New contents of `/etc/hosts`. Default: one of the agent's is rewritten for the host name, one that was given stays. */
  readonly hosts?: string;
  /** New contents of `/etc/resolv.conf`, where init gave any. Default: it stays. */
  readonly resolvConf?: string;
}

/** How a command ended. `exitCode` is 0 when a signal killed it. */
export interface ExecResult {
  readonly exitCode: number;
  readonly signal?: number;
  /** The time limit had run out, whatever the status is. */
  readonly timedOut: boolean;
}
