export { type KrunAddon, type KrunInspection, krunAddonPath, loadKrunAddon } from './krun-addon.js';
export { createLibkrunVmm } from './libkrun-vmm.js';
export type { LibkrunVmmOptions } from './libkrun-vmm-options.js';
export { LIBKRUN_PRIORITY, libkrunVmmPlugin } from './libkrun-vmm-plugin.js';
export { type FindLibkrunOptions, type FoundLibkrun, findLibkrun, type TriedPlace } from './library/find-libkrun.js';
export { LIBKRUN_VARIABLE } from './library/libkrun-candidates.js';
export type { LibkrunFeature, LibkrunLibrary } from './library/libkrun-library.js';
export { PINNED_LIBKRUN, type PinnedLibkrun } from './library/pinned-libkrun.js';
export {
  AGENT_VSOCK_PORT,
  DEFAULT_KERNEL_MAX_VCPUS,
  IMPLICIT_DEVICES,
  MAX_DEVICES,
  MIN_MEMORY_MIB,
} from './machine/machine-limits.js';
export { type LibkrunLogLevel, SHIM_CONFIG_MAX_BYTES, type ShimSettings, shimConfig } from './shim/shim-config.js';
export { shimPath } from './shim/shim-path.js';
