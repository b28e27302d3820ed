import type { Plugin, Sandbox } from '@boxlite/core';
import type { BwrapSandboxOptions } from './bwrap-options.js';
import { createBwrapSandbox } from './bwrap-sandbox.js';

/**
 * bubblewrap as a plugin of the registry. Makes no I/O; the sandbox the probe tried is the one `create` returns.
 * @throws BoxliteError `invalid_argument`, as {@link createBwrapSandbox}
 */
export function bwrapSandboxPlugin(options: BwrapSandboxOptions = {}): Plugin<'sandbox', Sandbox> {
  const sandbox = createBwrapSandbox(options);
  return {
    kind: 'sandbox',
    id: 'bwrap',
    specificationVersion: 'v1',
    priority: 10,
    async probe() {
      if (process.platform !== 'linux') {
        return { available: false, reason: 'bubblewrap needs Linux', remedy: 'use the seatbelt sandbox on macOS' };
      }
      const { available, reason, remedy } = await sandbox.isAvailable();
      if (available) return { available: true };
      return { available: false, reason: reason ?? 'not available', remedy: remedy ?? 'install bubblewrap' };
    },
    create: () => sandbox,
  };
}
