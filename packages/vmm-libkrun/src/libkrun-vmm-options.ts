import type { HardwareProbe } from '@boxlite/core';

/**
 * What a VMM over libkrun may be told. The handler itself is a later issue.
 *
 * What the implementation must do that the contract does not say by itself:
 * - `krun_start_enter` never returns: the machine is a process of its own (the shim), never Node. The shim is told everything on stdin.
 * - Every function is looked up by name. A missing `krun_add_disk2`, `krun_disable_implicit_vsock` or `krun_add_vsock` is refused by
 *   `check` with `vmm_unavailable`; without the latter two a machine without a network card gets one through libkrun's sockets.
 * - The calls come in this order: context, CPUs and memory, kernel (ELF), disks with explicit formats, vsock without features, the agent's
 *   port with the guest dialling, console, start. At most 11 virtio devices fit on x86-64.
 * - Nothing of the user's goes on the kernel command line: libkrun does not escape it.
 * - A read-only share needs `krun_add_virtiofs3` (1.18): with an older library it is refused, because a flag in the guest protects nothing.
 * - Before 1.19 at most 128 KiB may be unacknowledged on the agent's link in each direction.
 */
export interface LibkrunVmmOptions {
  /** Says whether KVM can run a guest here; libkrun has nothing else. */
  readonly hardware: HardwareProbe;
  /** Absolute path of `libkrun.so.1` (macOS: `libkrun.1.dylib`); default: the system's, then the pinned npm package. */
  readonly libraryPath?: string;
  /** Directories searched for the library. */
  readonly libraryDirectories?: readonly string[];
  /** Directories from which the pinned npm package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
  /** libkrun's own log on the VMM's stderr; default `warn`. */
  readonly logLevel?: 'off' | 'error' | 'warn' | 'info' | 'debug';
}
