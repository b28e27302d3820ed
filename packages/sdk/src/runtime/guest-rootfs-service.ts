import type { DiskStore, StateStore } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import { lazy } from './lazy.js';
import type { Log } from './log.js';
import type { RuntimeServices } from './runtime-services.js';

/**
 * The guest rootfs of this SDK's boxes: the skeleton with the agent.
 * @param agentPath default: the agent of `@boxlite/guest-agent`
 */
export function guestRootfsService(
  layout: HomeLayout,
  store: StateStore,
  disks: () => Promise<DiskStore>,
  log: Log,
  agentPath?: string,
): Pick<RuntimeServices, 'guestRootfs' | 'guestRootfsUsage' | 'collectGuestRootfs'> {
  const manager = lazy(async () => {
    const [{ GuestRootfsManager }, { agentBinaryPath }, diskStore] = await Promise.all([
      import('@boxlite/rootfs'),
      import('@boxlite/guest-agent'),
      disks(),
    ]);
    return new GuestRootfsManager({
      basesDir: layout.basesDir,
      boxesDir: layout.boxesDir,
      tmpDir: layout.tmpDir,
      baseDisks: store.baseDisks,
      leases: store.leases,
      diskStore,
      agentPath: agentPath ?? agentBinaryPath(),
      report: (what, cause) => log({ level: 'warn', message: `guest rootfs: ${what}`, cause }),
    });
  });
  return {
    guestRootfs: async (signal) => (await manager()).getOrCreate(undefined, {}, { signal }),
    guestRootfsUsage: async () => (await manager()).usage(),
    collectGuestRootfs: async (homeLease) => (await manager()).gc({ homeLease }),
  };
}
