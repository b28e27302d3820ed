import type { ResourceLimits } from '@boxlite/core';

/**
 * What happens where the wanted confinement is not to be had, strictest first: `required` refuses, `best-effort` goes on with what there is and
 * says what is missing, `off` confines nothing.
 */
export const JAILER_MODES = ['required', 'best-effort', 'off'] as const;
export type JailerMode = (typeof JAILER_MODES)[number];

/** The filter of system calls: `enforce` refuses or kills, `diagnose` does the same and names the call, `off` has none. */
export const SECCOMP_MODES = ['enforce', 'diagnose', 'off'] as const;
export type SeccompMode = (typeof SECCOMP_MODES)[number];

/** The options a person gives; every absent one takes the default, so a partial object is never weaker than none. */
export interface SecurityOptionsInput {
  /** Default `required`. */
  readonly jailer?: JailerMode | undefined;
  /** BoxLite's word: `false` is `jailer: 'off'`. One that contradicts `jailer` is refused. */
  readonly jailerEnabled?: boolean | undefined;
  /** Default `enforce`. */
  readonly seccomp?: SeccompMode | undefined;
  /** BoxLite's word: `false` is `seccomp: 'off'`. One that contradicts `seccomp` is refused. */
  readonly seccompEnabled?: boolean | undefined;
  readonly networkEnabled?: boolean | undefined;
  /** Accepted for compatibility. Inherited descriptors are always closed; `false` has no effect and earns a warning. */
  readonly closeFds?: boolean | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Descriptors of one process, at least 256: the view is built under this limit, too. */
  readonly maxOpenFiles?: number | undefined;
  /** Bytes. */
  readonly maxFileSize?: number | undefined;
  /** Processes and threads, held by the cgroup. */
  readonly maxProcesses?: number | undefined;
  /** Bytes of everything the command and its children use, held by the cgroup. */
  readonly maxMemory?: number | undefined;
  /** Bytes from which on it is slowed down; default nine tenths of `maxMemory`. */
  readonly memoryHigh?: number | undefined;
  /** Bytes; default 0: what a guest keeps in its memory does not reach the host's disk, and a hog gains nothing by swapping. */
  readonly maxSwap?: number | undefined;
  /** Seconds of CPU time of one process. */
  readonly maxCpuTime?: number | undefined;
  /** Processors at a time, also a fraction, at least 0.01. */
  readonly cpuQuota?: number | undefined;
  /** 1 to 10 000; others have 100. */
  readonly cpuWeight?: number | undefined;
  /** 1 to 10 000; others have 100. */
  readonly ioWeight?: number | undefined;
  readonly ioReadBytesPerSecond?: number | undefined;
  readonly ioWriteBytesPerSecond?: number | undefined;
  readonly sandboxProfile?: string | undefined;
}

/** What one option takes, where its value ends up, and the platforms where it changes nothing. */
export type SecurityOptionEntry = {
  readonly field: string;
  readonly inertOn?: readonly NodeJS.Platform[];
} & (
  | { readonly kind: 'boolean' | 'path' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'integer' | 'number'; readonly least: number; readonly most: number }
);

const MOST = Number.MAX_SAFE_INTEGER;
/** The one above it stands for no id (setresuid(2)). */
const GREATEST_ID = 4_294_967_294;
/** Of cpu.weight and io.weight (kernel Documentation/admin-guide/cgroup-v2). */
const WEIGHT = { kind: 'integer', least: 1, most: 10_000 } as const;
/** cpu.max takes no quota below a millisecond, which is a hundredth of its usual period. */
const LEAST_CPU_QUOTA = 0.01;

/** While a VMM's view is built, each of its paths is a descriptor: QEMU's has 63, and each volume one more. */
const LEAST_OPEN_FILES = 256;

const limit = (name: keyof ResourceLimits, least = 0): SecurityOptionEntry => ({
  kind: 'integer',
  least,
  most: MOST,
  field: `resourceLimits.${name}`,
});
/** Held by a cgroup and by nothing else. */
const ofGroup = { inertOn: ['darwin'] as const };

/** Every public option name: the one mapping between the public surface and the resolved options. */
export const SECURITY_OPTION_TABLE: Readonly<Record<keyof SecurityOptionsInput, SecurityOptionEntry>> = {
  jailer: { kind: 'choice', choices: JAILER_MODES, field: 'jailer' },
  jailerEnabled: { kind: 'boolean', field: 'jailer' },
  seccomp: { kind: 'choice', choices: SECCOMP_MODES, field: 'seccomp', inertOn: ['darwin'] },
  seccompEnabled: { kind: 'boolean', field: 'seccomp', inertOn: ['darwin'] },
  networkEnabled: { kind: 'boolean', field: 'networkEnabled' },
  closeFds: { kind: 'boolean', field: 'closeFds' },
  uid: { kind: 'integer', least: 0, most: GREATEST_ID, field: 'uid', inertOn: ['darwin'] },
  gid: { kind: 'integer', least: 0, most: GREATEST_ID, field: 'gid', inertOn: ['darwin'] },
  maxOpenFiles: limit('maxOpenFiles', LEAST_OPEN_FILES),
  maxFileSize: limit('maxFileSize'),
  maxProcesses: { ...limit('maxProcesses'), ...ofGroup },
  maxMemory: limit('maxMemory'),
  memoryHigh: { ...limit('memoryHigh'), ...ofGroup },
  maxSwap: { ...limit('maxSwap'), ...ofGroup },
  maxCpuTime: limit('maxCpuTime'),
  cpuQuota: { kind: 'number', least: LEAST_CPU_QUOTA, most: 65_536, field: 'resourceLimits.cpuQuota', ...ofGroup },
  cpuWeight: { ...WEIGHT, field: 'resourceLimits.cpuWeight', ...ofGroup },
  ioWeight: { ...WEIGHT, field: 'resourceLimits.ioWeight', ...ofGroup },
  ioReadBytesPerSecond: { ...limit('ioReadBytesPerSecond', 1), ...ofGroup },
  ioWriteBytesPerSecond: { ...limit('ioWriteBytesPerSecond', 1), ...ofGroup },
  sandboxProfile: { kind: 'path', field: 'sandboxProfile', inertOn: ['linux'] },
};
