import type { BoxRecord } from '@boxlite/core';
import { parseBoxOptions } from '../options/box-options.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** Keeps how the main command ended. Failing to do so is logged: the command's own result is what its caller waits for. */
export async function recordExitCode(
  services: Pick<RuntimeServices, 'store' | 'log'>,
  { config }: BoxRecord,
  exitCode: number,
): Promise<void> {
  const { id } = config;
  try {
    // A box that removes itself is gone after a power cut, and its exit code with it.
    const durable = !parseBoxOptions(config.options).autoRemove;
    await services.store.boxes.update(id, (state) => ({ ...state, exitCode, updatedAt: Date.now() }), { durable });
  } catch (thrown) {
    // The box was removed meanwhile, or the runtime was shut down.
    services.log({ level: 'debug', message: 'the exit code could not be recorded', boxId: id, cause: thrown });
  }
}
