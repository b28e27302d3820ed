import type { BoxId } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { forgetJail } from './forget-jail.js';
import { killVm } from './kill-vm.js';

/**
 * The record first, in one transaction, then the files: a box is there whole or not at all, and a directory without a record is removed
 * when the home is opened next. The caller holds the box's lease and has made sure that nothing runs.
 */
export async function removeBoxFiles(services: RuntimeServices, id: BoxId, box: BoxLayout): Promise<void> {
  await killVm(services, box);
  await services.noteDiskUse(box);
  await forgetJail(services, id);
  await services.store.boxes.delete(id);
  await services.boxRemoved(id);
  await box.cleanup();
}
