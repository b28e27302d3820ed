import { type BoxId, BoxliteError, type ExitRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { endedState } from './ended-state.js';
import { boxLiveness } from './reconcile.js';
import { removeBoxFiles } from './remove-box.js';

/**
 * Records the end of a VM that this process watched. Several processes may watch the same box, and it may run again by the time one of
 * them gets here: the record is only touched when nothing runs and it still says that something does.
 */
export async function settleEnd(services: RuntimeServices, id: BoxId, box: BoxLayout, exit: ExitRecord): Promise<void> {
  try {
    if ((await boxLiveness(box)).alive) return;
    const state = await services.store.boxes.update(id, (current) =>
      current.status === 'running' || current.status === 'paused' ? endedState(current, exit, Date.now()) : current,
    );
    const record = await services.store.boxes.get(id);
    if (state.status !== 'stopped' || record === undefined) return;
    if (parseBoxOptions(record.config.options).autoRemove) await removeBoxFiles(services, id, box);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'not_found')) return; // Removed meanwhile: nothing to record.
    services.log({ level: 'warn', message: 'the end of the box could not be recorded', boxId: id, cause: thrown });
  }
}
