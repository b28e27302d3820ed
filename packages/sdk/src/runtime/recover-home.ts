import { readdir } from 'node:fs/promises';
import { BoxliteError, type BoxRecord, isActive, parseBoxId } from '@boxlite/core';
import { type BoxLayout, currentBootId, sweepStaging } from '@boxlite/layout';
import { endStrayVm } from '../box/end-stray-vm.js';
import { boxLiveness, reconciledState } from '../box/reconcile.js';
import { removeBoxFiles } from '../box/remove-box.js';
import { boxLeaseEntity } from '../box/with-box-lease.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from './runtime-services.js';

/**
 * Puts right what crashes left in a home. Safe while other processes use it: whatever somebody works on is leased and left alone.
 * Directories are listed before rows are read, and a box's row is written before its directory is made, so a directory without a row is an
 * orphan.
 */
export async function recoverHome(services: RuntimeServices): Promise<void> {
  const directories = await readdir(services.layout.boxesDir);
  const records = await services.store.boxes.list();
  await services.store.exchangeBootId(currentBootId());
  await Promise.all([
    sweepStaging(services.layout.tmpDir),
    removeOrphans(services, directories, records),
    ...records.map((record) => recoverBox(services, record)),
  ]);
}

async function removeOrphans(
  services: RuntimeServices,
  directories: readonly string[],
  records: readonly BoxRecord[],
): Promise<void> {
  const known = new Set<string>(records.map((record) => record.config.id));
  for (const name of directories.filter((directory) => !known.has(directory))) {
    const box = boxNamed(services, name);
    if (box === undefined || (await boxLiveness(box)).alive) continue;
    services.log({ level: 'info', message: `removing ${box.dir}: no box of this home has it`, boxId: name });
    await box.cleanup();
  }
}

function boxNamed(services: RuntimeServices, name: string): BoxLayout | undefined {
  try {
    return services.layout.box(parseBoxId(name));
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'invalid_argument')) throw thrown;
    return undefined; // Not a box id, so not ours to remove.
  }
}

async function recoverBox(services: RuntimeServices, record: BoxRecord): Promise<void> {
  const { id } = record.config;
  const box = services.layout.box(id);
  if (isActive(record.state.status) || record.state.status === 'stopping') {
    const state = await reconciledState(record, box, Date.now());
    if (state === undefined) return;
    await services.store.boxes.update(id, () => state);
    // Its host died before it could remove it.
    if (parseBoxOptions(record.config.options).autoRemove) await removeBoxFiles(services, id, box);
    return;
  }
  // The lease tells a VM that is being started right now from one whose starter died between spawn and record.
  if ((await services.store.leases.holders(boxLeaseEntity(id))).length === 0) await endStrayVm(services, box);
}
