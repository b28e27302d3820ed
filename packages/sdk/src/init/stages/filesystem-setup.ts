import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { rotateExitRecord } from '@boxlite/layout';
import { guestWritableDirectories } from '../../options/guest-writable.js';
import { type CheckedVolume, checkVolumes } from '../../options/volume.js';
import { volumeGuard } from '../../options/volume-guard.js';
import { choosingFor } from '../../registry/plugin-origins.js';
import { clearLeftovers } from '../clear-leftovers.js';
import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';
import { prepareShares } from '../volume-shares.js';

/**
 * Directories, links and the empty `shim.stderr`; the crash record of the lifecycle before is put aside; volumes are checked and
 * prepared. The VMM is
 * chosen here, so that a machine without one fails before any image is fetched.
 */
export const filesystemSetup: Stage<StartContext> = {
  name: 'filesystem-setup',
  async run(context) {
    const { services, box, options } = context;
    const [vmm, volumes] = await Promise.all([
      choosingFor(context.record, 'vmm', () => services.vmm(options.vmm)),
      options.volumes.length === 0 ? [] : checkedVolumes(context),
    ]);
    context.vmm = vmm;
    context.volumes = volumes;
    for (const message of await box.prepare()) services.log({ level: 'warn', message, boxId: box.id });
    await clearLeftovers(box);
    context.shares = await prepareShares(box, volumes, (undo) => context.guard.onFailure('undo the shares', undo));
    await rotateExitRecord(box);
    const stderr = await open(box.stderrFile, 'w', 0o600);
    await stderr.close();
  },
};

async function checkedVolumes({ services, box, options }: StartContext): Promise<readonly CheckedVolume[]> {
  const [guard, guestWritable] = await Promise.all([
    volumeGuard({
      ...{ userHome: homedir(), boxliteHome: services.layout.home },
      linkParent: dirname(box.socketLink),
    }),
    services.store.boxes.list().then(guestWritableDirectories),
  ]);
  return checkVolumes(options.volumes, guard, guestWritable);
}
