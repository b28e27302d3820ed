import type { BoxId } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import type { LiveBox } from './live-box.js';

/**
 * Undoes what the jail of a VM that has ended prepared on the host: its control group, and what a sandbox removes in its `teardown`. Only the process
 * that started the VM has that jail; of another one the next start finds what is left. The caller holds the box's lease and has made sure
 * that nothing of the box runs: a control group that is released is killed first. A failure is logged: it is no reason to keep a box from ending.
 */
export async function releaseJail(
  services: Pick<RuntimeServices, 'log'>,
  id: BoxId,
  live: Pick<LiveBox, 'jail'> | undefined,
): Promise<void> {
  try {
    await live?.jail?.release();
  } catch (cause) {
    services.log({ level: 'warn', message: 'the jail of the box could not be taken down', boxId: id, cause });
  }
}
