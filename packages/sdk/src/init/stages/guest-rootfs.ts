import type { HeldGuestRootfs } from '@boxlite/rootfs';
import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';

/** The read-only disk the VM boots from; leased until the box's reference to it is recorded. */
export const guestRootfs: Stage<StartContext> = {
  name: 'guest-rootfs',
  async run(context) {
    const held = await context.services.guestRootfs(context.signal);
    try {
      await recordUse(context, held);
      context.guestRootfsPath = held.rootfs.path;
    } finally {
      await held[Symbol.asyncDispose]();
    }
  },
};

/** A box with snapshots also keeps the disks these were made with. */
async function recordUse({ services, record }: StartContext, held: HeldGuestRootfs): Promise<void> {
  const { id } = record.config;
  const snapshots = await services.store.snapshots.list(id);
  if (snapshots.length === 0) await held.recordUse(id);
  else await services.store.baseDisks.addReference(held.record.id, id);
}
