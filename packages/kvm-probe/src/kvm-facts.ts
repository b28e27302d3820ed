import type { ProbeRun } from './probe-run.js';

/** Everything the classification rests on. Collected apart from it, so that each host can be written down in a table. */
export interface KvmFacts {
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly architecture: string;
  /** Whether `/dev/kvm` is there. */
  readonly deviceExists: boolean;
  /** Of `/proc/cpuinfo`. */
  readonly cpu: { readonly vendor: string; readonly hasVirtualization: boolean; readonly isGuest: boolean };
  /** Names in `/sys/module` that start with `kvm`: `kvm`, `kvm_intel`, `kvm_amd`, or another back end's. */
  readonly kvmModules: readonly string[];
  /** `current_clocksource` of the first clock source: `tsc` when the kernel trusts the time stamp counter. */
  readonly clockSource: string;
  /** The program's outcome; absent when it could not be run. */
  readonly run?: ProbeRun;
  /** Why the program could not be run. */
  readonly runFailure?: string;
}
