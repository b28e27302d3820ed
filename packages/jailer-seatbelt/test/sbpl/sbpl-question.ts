/** The end of a connection a rule can be about. */
export type SocketEnd =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'ip'; readonly protocol: 'tcp' | 'udp'; readonly host: string; readonly port: number };

/** What a process does, as the kernel asks the profile. */
export interface Question {
  /** One operation, such as `file-read-data`; never a group. */
  readonly operation: string;
  /** Files: the path as the kernel has resolved it. */
  readonly path?: string;
  readonly remote?: SocketEnd;
  readonly local?: SocketEnd;
  /** Signals and process information. */
  readonly target?: 'self' | 'children' | 'others';
  /** `sysctl-read`, `mach-lookup`, `iokit-open`: what is asked for. */
  readonly name?: string;
  readonly socketDomain?: string;
  readonly socketProtocol?: number;
}

/**
 * Which of two rules that match holds.
 * - `last`: the one that stands later, as Apple's own profiles are written
 * - `nearest`: the later one of those about the very operation, else of those about the smallest group it belongs to: a `(deny file-read* …)` does
 *   not take back an earlier `(allow file-read-data …)`, as people have measured
 */
export type Semantics = 'last' | 'nearest';
