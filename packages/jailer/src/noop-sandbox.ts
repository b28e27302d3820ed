import type { Sandbox } from '@boxlite/core';

/** A sandbox that confines nothing: what a jail that was switched off is made of. Always available, and says what it is by its name. */
export function createNoopSandbox(): Sandbox {
  return {
    name: 'none',
    isAvailable: async () => ({ available: true }),
    setup: async () => ({ degradations: [] }),
    apply: (_context, command) => ({ ...command, pidReport: { kind: 'self' } }),
  };
}
