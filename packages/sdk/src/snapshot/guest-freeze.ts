import type { BoxId } from '@boxlite/core';
import type { LiveBox } from '../box/live-box.js';
import type { Log } from '../runtime/log.js';

/**
 * Runs `action` while the processes of a box's container stand still and its file system is written out, so that whoever goes on from what is captured
 * meanwhile can be renewed before any of them runs. They go on here afterwards, also when `action` fails.
 * @throws BoxliteError what the agent and `action` throw
 */
export async function whileFrozen<T>(
  { agent }: Pick<LiveBox, 'agent'>,
  { id, log, signal }: { readonly id: BoxId; readonly log: Log; readonly signal: AbortSignal | undefined },
  action: () => Promise<T>,
): Promise<T> {
  try {
    await agent.quiesce({ sync: true }, signal);
    const result = await action();
    await agent.thaw();
    return result;
  } catch (thrown) {
    // One that was cut short may have frozen it all the same; thawing twice does no harm.
    await agent.thaw().catch((cause: unknown) => {
      log({ level: 'warn', message: 'the processes of the box could not be let go on', boxId: id, cause });
    });
    throw thrown;
  }
}
