import { type BoxId, BoxliteError, isActive } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { killVm } from './kill-vm.js';
import type { LiveBox } from './live-box.js';
import { reconciledRecord } from './reconcile.js';
import { stopBox } from './stop-box.js';
import { withBoxLease } from './with-box-lease.js';

/**
 * Removes a box under its lease, so that nobody starts it in between. Does nothing for one that is gone already.
 * @param force kills a running one
 * @throws BoxliteError `invalid_state` when it runs and `force` is not set
 */
export async function removeBox(
  services: RuntimeServices,
  id: BoxId,
  box: BoxLayout,
  live: LiveBox | undefined,
  force: boolean,
): Promise<void> {
  await withBoxLease(services, id, 'remove', undefined, async () => {
    const record = await reconciledRecord(services, id, box);
    if (record === undefined) return;
    const { name } = record.config;
    if (isActive(record.state.status) && !force) {
      throw new BoxliteError('invalid_state', `box ${name ?? id} is running`, {
        hint: 'stop it first, or remove it by force',
        details: { field: 'force' },
      });
    }
    await stopBox(services, record, box, live, { graceMs: 0 });
    await removeBoxFiles(services, id, box);
  });
}

/**
 * The record first, in one transaction, then the files: a box is there whole or not at all, and a directory without a record is removed
 * when the home is opened next. The caller holds the box's lease and has made sure that nothing runs.
 */
export async function removeBoxFiles(services: RuntimeServices, id: BoxId, box: BoxLayout): Promise<void> {
  await killVm(services, box);
  await forgetJail(services, id);
  await services.store.boxes.delete(id);
  await services.boxRemoved(id);
  await box.cleanup();
}

/** An empty cgroup that cannot be removed is no reason to keep a box. */
async function forgetJail(services: Pick<RuntimeServices, 'forgetJail' | 'log'>, id: BoxId): Promise<void> {
  try {
    await services.forgetJail(id);
  } catch (cause) {
    services.log({ level: 'warn', message: 'the cgroup of the box could not be removed', boxId: id, cause });
  }
}
