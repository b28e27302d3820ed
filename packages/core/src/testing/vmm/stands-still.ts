import assert from 'node:assert/strict';
import type { VmmHost } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import type { VmmHandlerSetup } from './test-machine.js';

/** A guest that runs answers in milliseconds; nothing but waiting shows that one does not. */
const STANDSTILL_MS = 300;

/** Asserts that the agent does not answer, where the setup can ask it. */
export async function assertStandsStill(setup: VmmHandlerSetup, host: VmmHost): Promise<void> {
  if (setup.ping === undefined) return;
  const connection = await host.supervisor.connect(host.request.controlDir);
  let answered = false;
  const ping = setup.ping(connection).then(
    () => {
      answered = true;
    },
    (thrown: unknown) => {
      // The connection is closed below before the answer can come.
      if (!BoxliteError.isInstance(thrown)) throw thrown;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, STANDSTILL_MS));
  assert.ok(!answered, 'a paused guest answers');
  await connection.close();
  await ping;
}
