import type { HardwareProbe } from '@boxlite/core';
import type { LibkrunLibrary } from './library/libkrun-library.js';
import type { LibkrunLogLevel } from './shim/shim-config.js';

/** Settings of {@link import('./libkrun-vmm.js').createLibkrunVmm}. */
export interface LibkrunVmmOptions {
  /** Says whether KVM can run a guest here; libkrun has nothing else. */
  readonly hardware: HardwareProbe;
  /**
   * A library that was found before (`findLibkrun`). Without it the first `requirements` or `start` looks for one with the options below; `check` knows
   * only then what this library cannot do, and `command` of a spec without a `binDir` has no library to name.
   */
  readonly library?: LibkrunLibrary;
  /** Absolute path of `libkrun.so.1` (macOS: `libkrun.1.dylib`); default: the system's, then the pinned npm package. */
  readonly libraryPath?: string;
  /** Directories searched for the library. */
  readonly libraryDirectories?: readonly string[];
  /** Directories from which the pinned npm package is resolved; default: the one of this package. */
  readonly resolveFrom?: readonly string[];
  /** Absolute path of the shim; default: the platform package's. */
  readonly shimPath?: string;
  /** libkrun's own log on the VMM's stderr; default `warn`. */
  readonly logLevel?: LibkrunLogLevel;
  /** Processors the guest kernel can use (`NR_CPUS`); default: what its source says, else 16, as libkrunfw's. */
  readonly kernelMaxVcpus?: number;
  /**
   * Lets the guest's internet sockets be opened by the VMM on the host (libkrun's TSI), so that a guest reaches whatever this user reaches. Default false.
   */
  readonly tsi?: boolean;
}
