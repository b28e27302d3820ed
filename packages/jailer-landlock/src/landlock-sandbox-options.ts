/** What may be chosen; everything has a default. */
export interface LandlockSandboxOptions {
  /**
   * The lowest ABI of Landlock that is enough: 1 (Linux 5.13) restricts files, 3 (6.2) truncating them, 4 (6.7) TCP, 5 (6.10) requests to devices,
   * 6 (6.12) abstract sockets and signals. Default 1. A kernel below it is "not available".
   */
  readonly minimumVersion?: number;
  /** Write what the command is denied to the kernel's audit log (ABI 7, Linux 6.15; nothing below). Default false: a hostile one would fill it. */
  readonly audit?: boolean;
  /** Absolute path of the helper; default: the one of this machine's platform package. */
  readonly helperPath?: string;
}

/** The descriptor the helper reads its rules from. 3 and 4 are bubblewrap's pid report, 5 stage B's filter, 7 bubblewrap's arguments. */
export const RULES_FD = 6;
