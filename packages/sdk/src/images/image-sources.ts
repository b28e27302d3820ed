import type { ImageSource, PluginRegistry } from '@boxlite/core';
import type { PluginContext } from '../registry/plugin-context.js';
import { lazy } from '../runtime/lazy.js';
import {
  BUILT_IN_SOURCES,
  chooseImageSource,
  type SourceCandidate,
  type UnavailableSource,
} from './choose-image-source.js';

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
    const candidates: SourceCandidate[] = [];
    const unavailable: UnavailableSource[] = [];
    for (const { plugin, result } of probed) {
      const origin = registry.origin('image-source', plugin.id);
      if (!result.available) unavailable.push({ id: plugin.id, reason: result.reason, remedy: result.remedy });
      else {
        const source = plugin.create(context) as ImageSource;
        candidates.push({ source, priority: plugin.priority ?? 0, ...(origin === undefined ? {} : { origin }) });
      }
    }
    return { candidates, unavailable };
  });
  const choose = async (reference: string) => {
    const { candidates, unavailable } = await load();
    return chooseImageSource(candidates, reference, unavailable);
  };
  return {
    of: async (reference) => (await choose(reference)).source,
    async originOf(reference) {
      // Without added sources nothing is loaded for the answer.
      const added = registry.list('image-source').some(({ id }) => !BUILT_IN_SOURCES.includes(id));
      return added ? (await choose(reference)).origin : undefined;
    },
  };
}
