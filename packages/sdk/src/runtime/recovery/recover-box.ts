import { type BoxRecord, isActive } from '@boxlite/core';
import { type BoxLayout, processStartedAtMs, rotateExitRecord } from '@boxlite/layout';
import { killVm } from '../../box/kill-vm.js';
import { ownerLeaseEntity } from '../../box/owner-lease.js';
import { boxLiveness, claimsToRun, reconciledRecord } from '../../box/reconcile.js';
import { removeBoxFiles } from '../../box/remove-box-files.js';
import { stopBox } from '../../box/stop-box.js';
import { ifBoxIsIdle } from '../../box/with-box-lease.js';
import { parseBoxOptions } from '../../options/box-options.js';
import type { RuntimeServices } from '../runtime-services.js';

/**
 * Puts one box right: a dead one is recorded, a stop that was broken off is finished, a VM that was never recorded is ended, and a box
 * that removes itself is removed when nobody is left who would.
 * @param owned lease entities of boxes whose creator lives
 */
export async function recoverBox(
  services: RuntimeServices,
  record: BoxRecord,
  owned: ReadonlySet<string>,
): Promise<void> {
  const { id } = record.config;
  const box = services.layout.box(id);
  const liveness = await boxLiveness(box);
  const { status } = record.state;
  const abandoned = isAbandoned(record, owned);
  // One that is nobody's yet runs on where it is detached: whoever was to have it is gone.
  const isNobodys = abandoned && record.state.pooled === true;
  if (liveness.alive && isActive(status) && !isNobodys) {
    await rotateExitRecord(box, processStartedAtMs(liveness.vmm));
    return;
  }
  if (!liveness.alive && !claimsToRun(status) && !abandoned) return;
  // Whoever holds the lease is starting or stopping it right now, and all of this is the middle of that.
  await ifBoxIsIdle(services, id, 'recover', () => recoverIdleBox(services, record, box, owned));
}

async function recoverIdleBox(
  services: RuntimeServices,
  { config }: BoxRecord,
  box: BoxLayout,
  owned: ReadonlySet<string>,
): Promise<void> {
  const record = await reconciledRecord(services, config.id, box);
  if (record === undefined) return;
  // Of now: it may have been handed out meanwhile.
  const abandoned = isAbandoned(record, owned);
  if (isActive(record.state.status) && !(abandoned && record.state.pooled === true)) return;
  if (record.state.status === 'stopping') {
    services.log({ level: 'info', message: 'finishing a stop that was broken off', boxId: config.id });
    await stopBox(services, record, box, undefined, {});
  } else if (await killVm(services, box)) {
    services.log({ level: 'warn', message: 'ended a VM whose starter died before it was recorded', boxId: config.id });
  }
  if (abandoned) await removeBoxFiles(services, record, box);
}

/** A failed start is kept as long as its host lives, to be looked at or tried again. */
function isAbandoned({ config, state }: BoxRecord, owned: ReadonlySet<string>): boolean {
  const removesItself = state.pooled === true || parseBoxOptions(config.options).autoRemove;
  return removesItself && !owned.has(ownerLeaseEntity(config.id));
}
