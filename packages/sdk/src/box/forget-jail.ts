import type { BoxId } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/**
 * Ends what a box's VMM may have left in its cgroup, and removes that; the next start makes it anew. One that cannot be removed is told, and is no
 * reason to keep a box or to call it running.
 */
export async function forgetJail(
  services: Pick<RuntimeServices, 'forgetJail' | 'log' | 'store'>,
  id: BoxId,
): Promise<void> {
  try {
    const record = await services.store.boxes.get(id);
    await services.forgetJail(id, record?.state.jail);
  } catch (cause) {
    services.log({ level: 'warn', message: 'the cgroup of the box could not be removed', boxId: id, cause });
  }
}
