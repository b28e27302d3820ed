import type { ImageSource, PluginRegistry } from '@boxlite/core';
import type { PluginContext } from '../registry/plugin-context.js';
import { lazy } from '../runtime/lazy.js';
import { chooseImageSource, type SourceCandidate } from './choose-image-source.js';

/** The sources of a registry that are available here, each created once. @returns finds the one a reference belongs to */
export function imageSources(
  registry: PluginRegistry,
  context: PluginContext,
): (reference: string) => Promise<ImageSource> {
  const load = lazy(async () => {
    const probed = await registry.probeAll('image-source');
    return probed
      .filter(({ result }) => result.available)
      .map(({ plugin }): SourceCandidate => {
        const origin = registry.origin('image-source', plugin.id);
        const source = plugin.create(context) as ImageSource;
        return { source, priority: plugin.priority ?? 0, ...(origin === undefined ? {} : { origin }) };
      });
  });
  return async (reference) => chooseImageSource(await load(), reference).source;
}
