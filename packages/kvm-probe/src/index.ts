export { classifyHypervisorFramework, type HypervisorFrameworkStatus } from './classify-hypervisor-framework.js';
export { classifyKvm } from './classify-kvm.js';
export { collectKvmFacts, type KvmHost } from './collect-kvm-facts.js';
export type { DeviceAccess, Hypervisor, KvmFacts } from './kvm-facts.js';
export { createKvmProbe, type KvmProbeOptions, kvmProbeBinaryPath } from './kvm-probe.js';
export type { ProbeRun } from './probe-run.js';
