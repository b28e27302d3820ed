import type { Plugin, Sandbox } from '@boxlite/core';
import { createSeatbeltSandbox } from './seatbelt-sandbox.js';
import type { SeatbeltSandboxOptions } from './seatbelt-sandbox-options.js';

/**
 * seatbelt as a plugin of the registry. Makes no I/O; the sandbox the probe tried is the one `create` returns.
 * @throws BoxliteError `invalid_argument`, as {@link createSeatbeltSandbox}
 */
export function seatbeltSandboxPlugin(options: SeatbeltSandboxOptions = {}): Plugin<'sandbox', Sandbox> {
  const sandbox = createSeatbeltSandbox(options);
  return {
    kind: 'sandbox',
    id: 'seatbelt',
    specificationVersion: 'v1',
    async probe() {
      const { available, reason, remedy } = await sandbox.isAvailable();
      if (available) return { available: true };
      return { available: false, reason: reason ?? 'not available', remedy: remedy ?? 'use macOS' };
    },
    create: () => sandbox,
  };
}
