import { type BoxId, BoxliteError, type ExitRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { endedState } from './ended-state.js';
import type { LiveBox } from './live-box.js';
import { boxLiveness } from './reconcile.js';
import { releaseJail } from './release-jail.js';
import { removeBoxFiles } from './remove-box-files.js';
import { ifBoxIsIdle } from './with-box-lease.js';

/**
 * Records the end of a VM that this process watched, and removes a box that is to be removed then. Several processes may watch the same
 * box, and it may run again by the time one of them gets here: under the lease nobody starts it, and the record is only touched when
 * nothing runs and it still says that something does.
 */
export async function settleEnd(
  services: RuntimeServices,
  id: BoxId,
  box: BoxLayout,
  exit: ExitRecord,
  live?: Pick<LiveBox, 'jail'>,
): Promise<void> {
  try {
    const record = await services.store.boxes.get(id);
    if (record === undefined) return;
    if (parseBoxOptions(record.config.options).autoRemove) {
      // Whoever has the lease starts it again, or stops or removes it and sees to this.
      await ifBoxIsIdle(services, id, 'remove', async () => {
        const status = await recordEnd(services, id, box, exit);
        if (status !== 'alive') await releaseJail(services, id, live);
        if (status === 'stopped') await removeBoxFiles(services, record, box);
      });
    } else {
      await recordEnd(services, id, box, exit);
      if (live?.jail !== undefined)
        await ifBoxIsIdle(services, id, 'recover', () => releaseEnded(services, id, box, live));
    }
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'not_found')) return; // Removed meanwhile: nothing to record.
    services.log({ level: 'warn', message: 'the end of the box could not be recorded', boxId: id, cause: thrown });
  }
}

/** It may run again by now, in a group of the same name. */
async function releaseEnded(services: RuntimeServices, id: BoxId, box: BoxLayout, live: Pick<LiveBox, 'jail'>) {
  if (!(await boxLiveness(box)).alive) await releaseJail(services, id, live);
}

async function recordEnd(services: RuntimeServices, id: BoxId, box: BoxLayout, exit: ExitRecord) {
  if ((await boxLiveness(box)).alive) return 'alive';
  const state = await services.store.boxes.update(id, (current) =>
    current.status === 'running' || current.status === 'paused' ? endedState(current, exit, Date.now()) : current,
  );
  return state.status;
}
