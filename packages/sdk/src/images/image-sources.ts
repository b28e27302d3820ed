import type { ImageSource, PluginRegistry } from '@boxlite/core';
import type { PluginContext } from '../registry/plugin-context.js';
import { lazy } from '../runtime/lazy.js';
import { BUILT_IN_SOURCES, chooseImageSource, type SourceCandidate } from './choose-image-source.js';

/** The image sources of a runtime. */
export interface ImageSources {
  /** The one a reference belongs to. @throws BoxliteError see {@link chooseImageSource} */
  of(reference: string): Promise<ImageSource>;
  /** The file of the plugin a reference belongs to; undefined for BoxLite's own sources. @throws BoxliteError as {@link of} */
  originOf(reference: string): Promise<string | undefined>;
}

/** The sources of a registry that are available here, each created once. */
export function imageSources(registry: PluginRegistry, context: PluginContext): ImageSources {
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
  const choose = async (reference: string) => chooseImageSource(await load(), reference);
  return {
    of: async (reference) => (await choose(reference)).source,
    async originOf(reference) {
      // Without added sources nothing is loaded for the answer.
      const added = registry.list('image-source').some(({ id }) => !BUILT_IN_SOURCES.includes(id));
      return added ? (await choose(reference)).origin : undefined;
    },
  };
}
