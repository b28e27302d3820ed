import type { Stage } from '../init/pipeline.js';
import { containerRootfs } from '../init/stages/container-rootfs.js';
import { filesystemSetup } from '../init/stages/filesystem-setup.js';
import { guestConnect } from '../init/stages/guest-connect.js';
import type { StartContext } from '../init/start-context.js';
import { capturedMachine } from './stages/captured-machine.js';
import { guestRenew } from './stages/guest-renew.js';
import { vmmResume } from './stages/vmm-resume.js';

/** A machine that goes on from a capture: its box's own disk, the captured machine's kernel and agent, and a guest that is made this box's before it runs. */
export const RESUME_PLAN: readonly (readonly Stage<StartContext>[])[] = [
  [filesystemSetup],
  [containerRootfs, capturedMachine],
  [vmmResume],
  [guestConnect],
  [guestRenew],
];
