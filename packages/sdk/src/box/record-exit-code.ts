import type { BoxId } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** Keeps how the main command ended. Failing to do so is logged: the command's own result is what its caller waits for. */
export async function recordExitCode(services: RuntimeServices, id: BoxId, exitCode: number): Promise<void> {
  try {
    await services.store.boxes.update(id, (state) => ({ ...state, exitCode, updatedAt: Date.now() }));
  } catch (thrown) {
    // The box was removed meanwhile, or the runtime was shut down.
    services.log({ level: 'debug', message: 'the exit code could not be recorded', boxId: id, cause: thrown });
  }
}
