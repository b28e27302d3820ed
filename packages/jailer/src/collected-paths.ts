import type { FileIdentity, PathAccess } from '@boxlite/core';

/** What was found at a path. Anything else (a dangling or unexpected symbolic link, a pipe) counts as not there. */
export type PathKind = 'file' | 'directory' | 'device';

/** The places of one box the rules are about, absolute. A `BoxLayout` of `@boxlite/layout` is one; nothing here invents a name. */
export interface BoxPathNames {
  readonly dir: string;
  readonly socketsDir: string;
  readonly tmpDir: string;
  readonly sharedDir: string;
  readonly binDir: string;
  readonly mountsDir: string;
  readonly controlDir: string;
  readonly caDir: string;
  readonly logsDir: string;
  readonly exitFile: string;
  readonly pidFile: string;
  readonly stderrFile: string;
}

/** A host directory or file the box's user shares with the guest. */
export interface CollectedVolume {
  readonly path: string;
  /** `path` with every symbolic link resolved: what the never-rows are compared with. */
  readonly realPath: string;
  readonly readOnly: boolean;
  /** What was checked; whatever is shown later must be this. */
  readonly identity?: FileIdentity;
}

/** Everything {@link import('./path-rules.js').pathRules} decides from; made by `collectPaths`, or by hand in a test. */
export interface CollectedPaths {
  readonly platform: 'linux' | 'darwin';
  readonly home: { readonly path: string; readonly realPath: string };
  readonly box: BoxPathNames;
  /** What exists, by path as named elsewhere in this object. */
  readonly kinds: ReadonlyMap<string, PathKind>;
  /** The files the VMM opens as disks: the box's own overlays, or a base attached directly (read-only). */
  readonly disks: readonly PathAccess[];
  /** Every file below the overlays, in any order, repeats allowed. */
  readonly backingFiles: readonly string[];
  /** What those files were when they were looked at: the names come from disks that a VMM can write. */
  readonly backingIdentities?: ReadonlyMap<string, FileIdentity>;
  readonly kernel?: string;
  /** The memory a machine goes on from; granted for reading, and only while it is this very file. */
  readonly memory?: { readonly path: string; readonly identity?: FileIdentity };
  /** ELF closure, library directory and firmware of the VMM. */
  readonly vmm: readonly PathAccess[];
  readonly devices: readonly string[];
  readonly volumes: readonly CollectedVolume[];
  /** Directories below the box's `shared/` that hold one file of the user's each; the deepest rule decides, so one may be read-only. */
  readonly stagedShares?: readonly PathAccess[];
  /** True for a VMM that writes its own logs and exit record; ours are written by the supervisor. */
  readonly vmmWritesLogs: boolean;
  /** The short link to `sockets/`, made again inside the view. */
  readonly socketLink?: { readonly path: string; readonly target: string };
}
