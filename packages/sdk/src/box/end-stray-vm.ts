import { BoxliteError } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { boxLiveness } from './reconcile.js';

/**
 * Ends a VM that no record vouches for: whoever started or stopped it died in the middle. The caller has made sure that nobody is at work on
 * the box.
 * @returns true when there was one
 */
export async function endStrayVm(services: RuntimeServices, box: BoxLayout): Promise<boolean> {
  if (!(await boxLiveness(box)).alive) return false;
  services.log({ level: 'warn', message: 'ending a VM whose starter died before it was recorded', boxId: box.id });
  const supervisor = await services.supervisor();
  try {
    const vm = await supervisor.connect(box.controlDir);
    await vm.kill();
    await vm.close();
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'agent_unavailable')) throw thrown; // else it went away on its own
  }
  return true;
}
