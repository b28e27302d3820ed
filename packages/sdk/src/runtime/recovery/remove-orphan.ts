import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxliteError, parseBoxId } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { killVm } from '../../box/kill-vm.js';
import { boxLiveness } from '../../box/reconcile.js';
import { ifBoxIsIdle } from '../../box/with-box-lease.js';
import { BLANK_MARK } from '../../template/blank-mark.js';
import type { RuntimeServices } from '../runtime-services.js';

/**
 * Removes a directory of `boxes/` that no record knows, unless something runs in it or it is no box's. What a blank machine runs is ended: whoever
 * captured it for a template is gone.
 */
export async function removeOrphan(services: RuntimeServices, name: string): Promise<void> {
  const box = boxNamed(services, name);
  if (box === undefined) return;
  const isBlank = existsSync(join(box.dir, BLANK_MARK));
  if (!isBlank && (await boxLiveness(box)).alive) return;
  // A removal that is going on has deleted the record already; who works with a blank machine holds its lease.
  await ifBoxIsIdle(services, box.id, 'remove', async () => {
    services.log({ level: 'info', message: `removing ${box.dir}: no box of this home has it`, boxId: name });
    if (isBlank) {
      await killVm(services, box);
      await services.forgetJail(box.id);
    }
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
