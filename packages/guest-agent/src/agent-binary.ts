import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { toBoxliteError } from '@boxlite/core';

/** Path of the agent's program inside this package, for the guest rootfs. `src/` and `dist/` are both one level below the package. */
export function agentBinaryPath(): string {
  return fileURLToPath(new URL('../native/build/boxlite-guest', import.meta.url));
}

/**
 * The agent's program.
 * @throws BoxliteError `agent_invalid` when it has not been built
 */
export async function readAgentBinary(): Promise<Uint8Array> {
  try {
    return await readFile(agentBinaryPath());
  } catch (thrown) {
    throw toBoxliteError(thrown, 'agent_invalid', 'the guest agent of @boxlite/guest-agent cannot be read');
  }
}
