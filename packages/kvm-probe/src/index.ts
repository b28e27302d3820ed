export { classifyKvm } from './classify-kvm.js';
export type { KvmFacts } from './kvm-facts.js';
export { createKvmProbe, type KvmProbeOptions, kvmProbeBinaryPath } from './kvm-probe.js';
export type { ProbeRun } from './probe-run.js';
