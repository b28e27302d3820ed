export type { LibkrunVmmOptions } from './libkrun-vmm-options.js';
