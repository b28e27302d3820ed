import { BoxliteError, type ProcessIdentity } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { withinTime } from '../runtime/time-limit.js';
import { isGone } from './connect-box.js';
import { awaitGone, killSupervisor } from './processes.js';
import { boxLiveness } from './reconcile.js';

/** From the order to kill to the end of both processes. It takes milliseconds; a supervisor that was stopped by a signal takes for ever. */
const ORDER_TIMEOUT_MS = 2_000;
/** From SIGKILL to the end of a VMM, whose memory the kernel takes apart. */
const DEATH_TIMEOUT_MS = 10_000;

/**
 * Sees to it that nothing of a box runs, whatever its record says: by order to its supervisor, else by killing that, which takes the VMM
 * along. The caller has made sure that nobody else is at work on the box.
 * @returns true when something ran
 * @throws BoxliteError `vmm_failed` when something survives it
 */
export async function killVm(services: RuntimeServices, box: BoxLayout): Promise<boolean> {
  const found = await boxLiveness(box);
  if (!found.alive) {
    // Its supervisor was killed a moment ago: the VMM follows, and holds its disks until then.
    if (found.left !== undefined) await expectDeath(box, [found.left.vmm]);
    return false;
  }
  const { supervisor, vmm } = found;
  const done = await withinTime(orderKill(services, box), ORDER_TIMEOUT_MS);
  if (done === 'timeout' || !(await awaitGone([supervisor, vmm], ORDER_TIMEOUT_MS))) {
    services.log({ level: 'warn', message: 'the supervisor does not answer and is killed', boxId: box.id });
    if (!(await killSupervisor(supervisor))) {
      throw new BoxliteError('vmm_failed', `${box.pidFile} names process ${supervisor.pid}, which is no supervisor`, {
        hint: 'the record is damaged: see what runs, and remove the file',
        details: { boxId: box.id, path: box.pidFile },
      });
    }
  }
  await expectDeath(box, [supervisor, vmm]);
  return true;
}

async function orderKill(services: RuntimeServices, box: BoxLayout): Promise<void> {
  try {
    const vm = await (await services.supervisor()).connect(box.controlDir);
    await vm.kill();
    await vm.close();
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown; // else it went away on its own, or does not answer: the caller looks
  }
}

async function expectDeath(box: BoxLayout, identities: readonly ProcessIdentity[]): Promise<void> {
  if (await awaitGone(identities, DEATH_TIMEOUT_MS)) return;
  const pids = identities.map(({ pid }) => pid).join(' and ');
  throw new BoxliteError('vmm_failed', `box ${box.id}: process ${pids} does not end`, {
    hint: `see what keeps it: cat /proc/${identities[0]?.pid}/stack; then try again`,
    details: { boxId: box.id, identities },
  });
}
