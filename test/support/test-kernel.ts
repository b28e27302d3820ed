import type { GuestKernel } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { kernelService } from '../../packages/sdk/src/kernel/kernel-service.js';
import { defaultRegistry } from '../../packages/sdk/src/registry/default-registry.js';
import { pluginChooser } from '../../packages/sdk/src/registry/plugin-chooser.js';
import type { PluginContext } from '../../packages/sdk/src/registry/plugin-context.js';

/** The kernel boxes boot here, chosen as the product does (`BOXLITE_KERNEL`), for tests that build a machine themselves. @param home absolute */
export async function testKernel(home: string): Promise<GuestKernel> {
  const registry = defaultRegistry({ homeDir: home });
  // A kernel source asks for nothing but the layout.
  const context = { layout: createHomeLayout(home) } as PluginContext;
  const plugins = { choose: pluginChooser(registry, context).choose };
  return kernelService({ registry, plugins, home, log: () => undefined, environment: process.env })();
}
