import type { ProbeRun } from './probe-run.js';

/** What runs this system when it is a virtual machine; `other` when that cannot be told. */
export type Hypervisor =
  | 'kvm'
  | 'vmware'
  | 'virtualbox'
  | 'hyper-v'
  | 'wsl'
  | 'xen'
  | 'parallels'
  | 'apple'
  | 'aws'
  | 'google'
  | 'azure'
  | 'other';

/** Everything the classification rests on. Collected apart from it, so that each host can be written down in a table. */
export interface KvmFacts {
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly architecture: string;
  /** Whether `/dev/kvm` is there. */
  readonly deviceExists: boolean;
  /** Who may open the device, when it is there. */
  readonly deviceAccess?: DeviceAccess;
  /** Of `/proc/cpuinfo`; the flags exist on x86 only. */
  readonly cpu: { readonly vendor: string; readonly hasVirtualization: boolean; readonly isGuest: boolean };
  /** What this system runs on, when it is a virtual machine and names it. */
  readonly hypervisor?: Hypervisor;
  /** True in a container, where neither modules nor device nodes can be made. */
  readonly isContainer: boolean;
  /** Names in `/sys/module` that start with `kvm`: `kvm`, `kvm_intel`, `kvm_amd`, or another back end's. */
  readonly kvmModules: readonly string[];
  /** Whether the running kernel brings the processor's KVM module. */
  readonly moduleFile: 'available' | 'absent' | 'unknown';
  /** The kernel's own words about KVM, when they may be read and were needed: `kvm_amd: … disabled by BIOS`. */
  readonly kernelLog: readonly string[];
  /** `current_clocksource` of the first clock source: `tsc` when the kernel trusts the time stamp counter. */
  readonly clockSource: string;
  /** macOS: `kern.hv_support`; absent elsewhere. */
  readonly hypervisorFramework?: boolean;
  /** The program's outcome; absent when it could not be run. */
  readonly run?: ProbeRun;
  /** Why the program could not be run. */
  readonly runFailure?: string;
}

/** The device's permissions as they concern this process. */
export interface DeviceAccess {
  /** Name of its group, when `/etc/group` has one. */
  readonly group: string | undefined;
  /** Whether members of the group may read and write it. */
  readonly groupMayUse: boolean;
  /** Whether `/etc/group` lists this user in it, which takes effect at the next login. */
  readonly userIsListed: boolean;
}
