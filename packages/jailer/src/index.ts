export type { CgroupController, CgroupOutcome, CgroupPrepareOptions } from './cgroup/cgroup-controller.js';
export { type CgroupHierarchy, cgroupHierarchy } from './cgroup/cgroup-hierarchy.js';
export { type CgroupV2Options, createCgroupV2Controller } from './cgroup/cgroup-v2-controller.js';
export { type CollectPathsRequest, collectPaths, type JailedDisk } from './collect-paths.js';
export type { BoxPathNames, CollectedPaths, CollectedVolume, PathKind } from './collected-paths.js';
export { createCompositeSandbox } from './composite-sandbox.js';
export { type CachedElfClosureOptions, cachedElfClosure } from './elf/cached-elf-closure.js';
export { elfClosure, LOADER_CACHE } from './elf/elf-closure.js';
export type { ElfObject } from './elf/elf-object.js';
export { createJailer } from './jailer.js';
export type { JailerOptions } from './jailer-options.js';
export { createNoopSandbox } from './noop-sandbox.js';
export { type PathRules, pathRules } from './path-rules.js';
export { DENIED_SYSCALLS } from './seccomp/denied-syscalls.js';
export { describeCall } from './seccomp/describe-call.js';
export { type JailFilter, type JailFilterRequest, jailFilter, SYSCALL_REPORT_FD } from './seccomp/jail-filter.js';
export { type CompiledPolicy, type CompilePolicyOptions, compilePolicy } from './seccomp/policy/compile-policy.js';
export { NETWORK_SWITCH, parsePolicy } from './seccomp/policy/parse-policy.js';
export type {
  ArchitectureValue,
  ArgumentCondition,
  PolicyRule,
  PolicyVerdict,
  SeccompPolicy,
} from './seccomp/policy/seccomp-policy.js';
export { type SeccompFilterOptions, seccompFilter } from './seccomp/seccomp-filter.js';
export {
  type FilterArchitecture,
  type SyscallName,
  syscallName,
  syscallNames,
  syscallNumber,
} from './seccomp/syscall-numbers.js';
export {
  JAILER_MODES,
  type JailerMode,
  SECCOMP_MODES,
  SECURITY_OPTION_TABLE,
  type SeccompMode,
  type SecurityOptionEntry,
  type SecurityOptionsInput,
} from './security-option-table.js';
export {
  DEFAULT_RESOURCE_LIMITS,
  inertSecurityOptions,
  NOBODY_ID,
  resolveSecurityOptions,
  type SecurityOptions,
} from './security-options.js';
export {
  defaultStageBPath,
  FIRST_LISTENER_FD,
  STAGE_B_SECCOMP_FD,
  type StageBOptions,
  wrapWithStageB,
} from './stage-b.js';
export { STAGE_B_EXIT_STATUSES, type StageBStep } from './stage-b-exit-statuses.js';
export { prepareViewTree, type ViewTree } from './view-tree.js';
