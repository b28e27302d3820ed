/** How a program or library is linked; what the checker of platform packages holds each file to. */
export type NativeLinkage =
  /** Nothing of the host's but its kernel. */
  | 'static'
  /** A program that loads the host's C library and, later, libkrun. */
  | 'program'
  /** A shared library that Node.js loads (Node-API). */
  | 'addon'
  /** A shared library that is preloaded into a program of the host's, and needs no more than its C library. */
  | 'preload';

export interface NativeBinaryEntry {
  /** The workspace package (without scope) whose `native/build` it comes from in a source checkout. */
  readonly package: string;
  readonly linkage: NativeLinkage;
  /** What it is for, a few words for error messages and manifests. */
  readonly purpose: string;
}

/** Every native file of BoxLite by its file name. A set is complete when it holds all of them. */
export const NATIVE_BINARIES = {
  'boxlite-supervisor': { package: 'supervisor', linkage: 'static', purpose: 'parent of each VMM' },
  'boxlite-stage-b': { package: 'jailer', linkage: 'static', purpose: 'last step of the jail' },
  'boxlite-hand-over': { package: 'jailer', linkage: 'static', purpose: "gives a box's files to its user" },
  'boxlite-landlock': { package: 'jailer-landlock', linkage: 'static', purpose: 'applies Landlock to a command' },
  'boxlite-guest': { package: 'guest-agent', linkage: 'static', purpose: 'agent inside each VM' },
  'kvm-probe': { package: 'kvm-probe', linkage: 'static', purpose: 'says what KVM here can do' },
  'boxlite-data-map': { package: 'disk-qcow2', linkage: 'static', purpose: 'says where a disk has holes' },
  'boxlite-memory': {
    package: 'vmm-qemu',
    linkage: 'preload',
    purpose: "opens a snapshot's memory for QEMU, for reading only",
  },
  'boxlite-krun-shim': {
    package: 'vmm-libkrun',
    linkage: 'program',
    purpose: 'process that becomes the VM with libkrun',
  },
  'krun.node': { package: 'vmm-libkrun', linkage: 'addon', purpose: 'finds and inspects libkrun' },
} as const satisfies Record<string, NativeBinaryEntry>;

/** File name of a native program or library. */
export type NativeBinaryName = keyof typeof NATIVE_BINARIES;

/** The names in {@link NATIVE_BINARIES}, in their order. */
export const NATIVE_BINARY_NAMES = Object.keys(NATIVE_BINARIES) as readonly NativeBinaryName[];
