import type { Plugin, Sandbox } from '@boxlite/core';
import { type LandlockHost, thisHost } from './landlock-host.js';
import { createLandlockSandboxOn } from './landlock-sandbox.js';
import type { LandlockSandboxOptions } from './landlock-sandbox-options.js';
import { landlockCoverage } from './landlock-versions.js';

/**
 * Landlock as a plugin of the registry. Makes no I/O; the sandbox the probe tried is the one `create` returns. What the probe says names the ABI.
 *
 * Only chosen by its name: alone it hides no names and no processes.
 * @throws BoxliteError `invalid_argument`, as `createLandlockSandbox`
 */
export function landlockSandboxPlugin(options: LandlockSandboxOptions = {}): Plugin<'sandbox', Sandbox> {
  return landlockSandboxPluginOn(thisHost, options);
}

/** The same on another machine, for tests. */
export function landlockSandboxPluginOn(
  host: LandlockHost,
  options: LandlockSandboxOptions = {},
): Plugin<'sandbox', Sandbox> {
  const sandbox = createLandlockSandboxOn(host, options);
  return {
    kind: 'sandbox',
    id: 'landlock',
    specificationVersion: 'v1',
    byNameOnly: true,
    async probe() {
      const { available, reason, remedy } = await sandbox.isAvailable();
      if (!available) {
        return { available: false, reason: reason ?? 'not available', remedy: remedy ?? 'boot a newer kernel' };
      }
      const { version = 0 } = sandbox;
      const { held, lacking } = landlockCoverage(version, false);
      const missing = lacking.length === 0 ? '' : `; not ${lacking.join(', ')}`;
      return { available: true, detail: `ABI ${version}: ${held.join(', ')}${missing}` };
    },
    create: () => sandbox,
  };
}
