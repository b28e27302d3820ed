import { type BoxId, BoxliteError, isActive } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
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
    await stopBox(services, record, box, live, { graceMs: 0, removes: true });
  });
}
