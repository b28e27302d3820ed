import { BoxliteError, parseBoxId } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { boxLiveness } from '../../box/reconcile.js';
import { ifBoxIsIdle } from '../../box/with-box-lease.js';
import type { RuntimeServices } from '../runtime-services.js';

/** Removes a directory of `boxes/` that no record knows, unless something runs in it or it is no box's. */
export async function removeOrphan(services: RuntimeServices, name: string): Promise<void> {
  const box = boxNamed(services, name);
  if (box === undefined || (await boxLiveness(box)).alive) return;
  // A removal that is going on has deleted the record already.
  await ifBoxIsIdle(services, box.id, 'remove', async () => {
    services.log({ level: 'info', message: `removing ${box.dir}: no box of this home has it`, boxId: name });
    await box.cleanup();
  });
}

function boxNamed(services: RuntimeServices, name: string): BoxLayout | undefined {
  try {
    return services.layout.box(parseBoxId(name));
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'invalid_argument')) throw thrown;
    return undefined; // Not a box id, so not ours to remove.
  }
}
