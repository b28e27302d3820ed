import type { Stage } from './pipeline.js';
import { containerRootfs } from './stages/container-rootfs.js';
import { filesystemSetup } from './stages/filesystem-setup.js';
import { guestConnect } from './stages/guest-connect.js';
import { guestInit } from './stages/guest-init.js';
import { guestKernel } from './stages/guest-kernel.js';
import { guestRootfs } from './stages/guest-rootfs.js';
import { vmmSpawn } from './stages/vmm-spawn.js';
import type { StartContext } from './start-context.js';

/** Spec section 4: filesystem setup, then the disks and the kernel in parallel, then spawn, connect, init. */
export const START_PLAN: readonly (readonly Stage<StartContext>[])[] = [
  [filesystemSetup],
  [containerRootfs, guestRootfs, guestKernel],
  [vmmSpawn],
  [guestConnect],
  [guestInit],
];
