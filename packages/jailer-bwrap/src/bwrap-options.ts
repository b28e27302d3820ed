/** What may be chosen about the view; everything has a default. */
export interface BwrapSandboxOptions {
  /** Absolute path of `bwrap`; default: the first one on PATH. */
  readonly bwrapPath?: string;
  /** Size of the view's own `/tmp` in bytes; default 64 MiB. */
  readonly tmpSizeBytes?: number;
  /** Where `bwrap` is looked for; default: this process's PATH. */
  readonly searchPath?: string;
}

/** 64 MiB: sockets, locks and small scratch files; disks and memory never live there. */
export const DEFAULT_TMP_SIZE_BYTES = 64 * 1024 * 1024;

/** "nobody" of every common distribution: what the command sees itself as when the context names nobody. */
export const NOBODY = { uid: 65534, gid: 65534 } as const;

/** Descriptors of the pid report, and of the argument list (`--args`). 5 and 6 are the jailer's stage B. */
export const INFO_FD = 3;
export const BLOCK_FD = 4;
export const ARGUMENTS_FD = 7;

/** Where a tree of mounts made outside lies in the namespace bubblewrap starts in (`VIEW_TREE_PLACE` of jailer's native/hand-over). */
export const VIEW_TREE_PLACE = '/tmp';
