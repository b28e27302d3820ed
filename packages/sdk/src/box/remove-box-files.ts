import type { BoxId, BoxRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { collectDiskBases } from '../snapshot/collect-disk-bases.js';
import { forgetJail } from './forget-jail.js';
import { killVm } from './kill-vm.js';

/**
 * The record first, in one transaction, then the files: a box is there whole or not at all, and a directory without a record is removed
 * when the home is opened next. The caller holds the box's lease and has made sure that nothing runs. A record that comes back with a power cut misses its files: of
 * a box that removes itself that does not matter, for with its process it is removed again.
 */
export async function removeBoxFiles(
  services: RuntimeServices,
  { config, state }: BoxRecord,
  box: BoxLayout,
): Promise<void> {
  const { id } = config;
  const isKept = state.pooled !== true && !parseBoxOptions(config.options).autoRemove;
  await killVm(services, box);
  await services.noteDiskUse(box);
  await forgetJail(services, id);
  await services.store.boxes.delete(id, { durable: isKept });
  await services.boxRemoved(id);
  await box.cleanup();
  await collectAfter(services, id);
}

/** What its snapshots and forks have left stays as long as a box stands on it. A failure is no reason to keep this one: the next open does it. */
async function collectAfter(services: RuntimeServices, id: BoxId): Promise<void> {
  try {
    await collectDiskBases(services);
  } catch (cause) {
    services.log({ level: 'warn', message: 'disks nobody needs could not be collected', boxId: id, cause });
  }
}
