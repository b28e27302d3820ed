import { createHook } from 'node:async_hooks';

/** How many child processes this process begins meanwhile. */
export async function spawnsDuring(work: () => Promise<void>): Promise<number> {
  let spawned = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROCESSWRAP') spawned += 1;
    },
  }).enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return spawned;
}
