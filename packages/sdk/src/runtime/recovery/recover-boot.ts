import { rm } from 'node:fs/promises';
import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { currentBootId } from '@boxlite/layout';
import { deadState } from '../../box/ended-state.js';
import { claimsToRun, crashReason } from '../../box/reconcile.js';
import type { RuntimeServices } from '../runtime-services.js';
import { attemptRecovery } from './attempt-recovery.js';

/** Another process that is at it touches each box once. */
const LEASE_WAIT_MS = 60_000;

/**
 * After a reboot nothing of before runs, whatever pids and start times say: numbers start over and can fit by chance. Pid records are
 * removed and rows reset before the new boot id is recorded, under the exclusive home lease: whoever dies halfway is followed by somebody who
 * still sees the old id and does it again, and nobody starts a box before it is done.
 */
export async function recoverBoot({ store, layout, log }: RuntimeServices): Promise<void> {
  const current = currentBootId();
  if ((await store.bootId()) === current) return;
  const lease = await store.leases.acquire('home', 'boot', { waitMs: LEASE_WAIT_MS });
  try {
    if ((await store.bootId()) === current) return;
    for (const record of await store.boxes.list()) {
      await attemptRecovery(log, `box ${record.config.id}`, () => resetBox({ store, layout, log }, record));
    }
    await store.exchangeBootId(current);
  } finally {
    await lease.release();
  }
}

async function resetBox(
  { store, layout, log }: Pick<RuntimeServices, 'store' | 'layout' | 'log'>,
  { config, state }: BoxRecord,
): Promise<void> {
  const box = layout.box(config.id);
  if (claimsToRun(state.status)) {
    log({ level: 'info', message: 'the host was restarted while the box ran', boxId: config.id });
    const crash = await crashReason(box);
    try {
      await store.boxes.update(config.id, (current) =>
        claimsToRun(current.status) ? deadState(current, crash, Date.now()) : current,
      );
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'not_found')) throw thrown; // else it was removed meanwhile
    }
  }
  await rm(box.pidFile, { force: true, recursive: true });
}
