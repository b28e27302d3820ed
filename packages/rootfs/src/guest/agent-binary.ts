import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { BoxliteError } from '@boxlite/core';

/** The guest agent, checked. */
export interface AgentBinary {
  readonly bytes: Uint8Array;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

/** Far above a static agent; bounds what a wrong path can cost. */
const MAX_AGENT_BYTES = 64 * 1024 * 1024;
/** e_machine of the architectures guests run on (ELF gABI; System V ABI supplements), by the names of Node.js. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const ELF_MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const EXECUTABLE_TYPES = new Set([2, 3]);

/**
 * Reads the agent binary and its hash.
 * @throws BoxliteError `agent_invalid` when it cannot be read
 */
export async function readAgentBinary(path: string): Promise<AgentBinary> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > MAX_AGENT_BYTES) throw new Error(`it has ${size} bytes`);
      const bytes = await handle.readFile();
      return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalidAgent(path, `cannot be read: ${reason}`, thrown);
  }
}

/**
 * Checks that the agent is a program for the guest's architecture.
 * @param architecture as `process.arch` names it: `x64` or `arm64`
 * @throws BoxliteError `agent_invalid`
 */
export function checkAgentElf(path: string, bytes: Uint8Array, architecture: string): void {
  const machine = MACHINES[architecture];
  if (machine === undefined) throw invalidAgent(path, `cannot run: there are no guests for ${architecture}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== ELF_MAGIC) throw invalidAgent(path, 'is not an ELF program');
  if (bytes[4] !== CLASS_64 || bytes[5] !== LITTLE_ENDIAN || !EXECUTABLE_TYPES.has(view.getUint16(16, true))) {
    throw invalidAgent(path, 'is not a 64-bit little-endian executable');
  }
  const found = view.getUint16(18, true);
  if (found !== machine) {
    const name = Object.keys(MACHINES).find((key) => MACHINES[key] === found) ?? `ELF machine ${found}`;
    throw invalidAgent(path, `is built for ${name}, the guest is ${architecture}`);
  }
}

function invalidAgent(path: string, reason: string, cause?: unknown): BoxliteError {
  return new BoxliteError('agent_invalid', `the guest agent ${path} ${reason}`, {
    hint: 'build or reinstall the guest agent (package @boxlite/guest-agent) for this architecture',
    cause,
    details: { field: 'agentPath', path },
  });
}
