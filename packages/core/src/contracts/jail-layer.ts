/**
 * The layers a command can be confined by, in the order they are put around it:
 * - `descriptors`: nothing inherited but what was listed
 * - `rlimits`: limits of the process itself
 * - `cgroup`: limits of the whole group of processes
 * - `namespaces`: user, pid, ipc, uts, cgroup, mount and, without a network, network namespaces of its own
 * - `view`: a root that holds only what was granted
 * - `privileges`: ids, capabilities, no_new_privs
 * - `landlock`: files, network, abstract sockets and signals, by the kernel's own module
 * - `seccomp`: a filter of system calls
 * - `seatbelt`: macOS's sandbox profile
 */
export const JAIL_LAYER_NAMES = [
  'descriptors',
  'rlimits',
  'cgroup',
  'namespaces',
  'view',
  'privileges',
  'landlock',
  'seccomp',
  'seatbelt',
] as const;

export type JailLayerName = (typeof JAIL_LAYER_NAMES)[number];

/** One layer as it is around a command, kept in a box's record and shown to people. */
export interface JailLayer {
  readonly name: JailLayerName;
  /** `partial`: some of it is missing on this machine, `detail` says what. */
  readonly state: 'active' | 'partial' | 'inactive';
  /** What it consists of, or why it is not all there: one line without control characters. */
  readonly detail: string;
}
