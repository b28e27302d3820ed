import type { BoxId } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/**
 * Files first, then the record: after a crash in between the record is still there and the removal can be repeated. The caller has
 * made sure that nothing runs.
 */
export async function removeBoxFiles(services: RuntimeServices, id: BoxId, box: BoxLayout): Promise<void> {
  await box.cleanup();
  await services.store.baseDisks.removeReferences(id);
  await services.store.boxes.delete(id);
}
