import type { ProcessIdentity, SupervisorWelcome } from '@boxlite/core';

/** Reads the JSON of a WELCOME frame. @returns undefined when it is not one */
export function parseWelcome(text: string): SupervisorWelcome | undefined {
  try {
    const { supervisor, vmm, detached } = JSON.parse(text) as Record<string, unknown>;
    return isIdentity(supervisor) && isIdentity(vmm) && typeof detached === 'boolean'
      ? { supervisor, vmm, detached }
      : undefined;
  } catch {
    // Not JSON, or not an object: whoever listens there is no supervisor.
    return undefined;
  }
}

/** True for `{ pid, startTime }` with numbers. */
export function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTime } = value as Record<string, unknown>;
  return Number.isSafeInteger(pid) && Number.isSafeInteger(startTime);
}
