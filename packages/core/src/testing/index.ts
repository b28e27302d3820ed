export type { ConformanceCase } from './conformance-case.js';
export { type BrokenRule, ConformanceError } from './conformance-error.js';
export type { DiskStoreSetup } from './disk/disk-store-context.js';
export { diskStoreConformance } from './disk-store-conformance.js';
export {
  type GuestChannelSetup,
  type GuestChannelTestAgent,
  guestChannelConformance,
} from './guest-channel-conformance.js';
export { type ImageSourceSetup, imageSourceConformance } from './image-source-conformance.js';
export { type JailParts, type JailSetup, jailConformance } from './jail-conformance.js';
export { type KernelSourceSetup, kernelSourceConformance } from './kernel-source-conformance.js';
export { type PluginSetup, pluginConformance } from './plugin-conformance.js';
export { type ConfinedRun, type RunConfinedOptions, runConfined } from './run-confined.js';
export {
  type ConformanceReport,
  type ConformanceResult,
  conformanceReport,
  type RunConformanceOptions,
  runConformance,
  type TestFunction,
} from './run-conformance.js';
export type { SandboxConformanceSetup, SandboxInability } from './sandbox/sandbox-bench.js';
export { sandboxConformance } from './sandbox-conformance.js';
export { type StateStoreSetup, stateStoreConformance } from './state-store-conformance.js';
export type { SupervisorSetup, SupervisorTestBox } from './supervisor/test-box.js';
export { supervisorConformance } from './supervisor-conformance.js';
export type { TestGuest, TestMachineChange, VmmHandlerSetup, VmmTestMachine } from './vmm/test-machine.js';
export { vmmHandlerConformance } from './vmm-handler-conformance.js';
