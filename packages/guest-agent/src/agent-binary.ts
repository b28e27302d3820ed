import { readFile } from 'node:fs/promises';
import { toBoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';

/**
 * The agent's program for the guest rootfs: of this machine's platform package, or of `native/build` in a source checkout.
 * @returns an absolute path
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function agentBinaryPath(): string {
  return nativeBinary('boxlite-guest');
}

/**
 * The agent's program.
 * @throws BoxliteError of `nativeBinary` when there is none, `agent_invalid` when it cannot be read
 */
export async function readAgentBinary(): Promise<Uint8Array> {
  const path = agentBinaryPath();
  try {
    return await readFile(path);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'agent_invalid', `the guest agent ${path} cannot be read`);
  }
}
