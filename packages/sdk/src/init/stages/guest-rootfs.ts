import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';

/** The read-only disk the VM boots from; leased until the box's reference to it is recorded. */
export const guestRootfs: Stage<StartContext> = {
  name: 'guest-rootfs',
  async run(context) {
    const held = await context.services.guestRootfs(context.signal);
    try {
      await held.recordUse(context.record.config.id);
      context.guestRootfsPath = held.rootfs.path;
    } finally {
      await held[Symbol.asyncDispose]();
    }
  },
};
