export type { ConformanceCase } from './conformance-case.js';
export { type DiskStoreSetup, diskStoreConformance } from './disk-store-conformance.js';
export { type ImageSourceSetup, imageSourceConformance } from './image-source-conformance.js';
export { type ConfinedRun, type RunConfinedOptions, runConfined } from './run-confined.js';
export { type SandboxConformanceSetup, sandboxConformance } from './sandbox-conformance.js';
export { type StateStoreSetup, stateStoreConformance } from './state-store-conformance.js';
export { vmmHandlerConformance } from './vmm-handler-conformance.js';
export type { VmmHandlerSetup, VmmTestMachine } from './vmm-test-machine.js';
