export { type KrunAddon, type KrunInspection, krunAddonPath, loadKrunAddon } from './krun-addon.js';
export type { LibkrunVmmOptions } from './libkrun-vmm-options.js';
export { type FindLibkrunOptions, type FoundLibkrun, findLibkrun, type TriedPlace } from './library/find-libkrun.js';
export { LIBKRUN_VARIABLE } from './library/libkrun-candidates.js';
export type { LibkrunFeature, LibkrunLibrary } from './library/libkrun-library.js';
export { PINNED_LIBKRUN, type PinnedLibkrun } from './library/pinned-libkrun.js';
